/**
 * Live traffic against passes that never stop (FAULTS "The daemon" 14, invariant 6): ten thousand claims, many at a time, whose
 * application writes row and marker in either order. No claim is repaired whose writes were no further apart than the grace period.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createRandom } from '../support/seeded-random.ts';
import { dayMs } from './support/claim-tables.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();
const claims = 10_000;
const atATime = 100;
/** Tiny against what people set, and still longer than what lies between most writes while a hundred go on. */
const graceMs = 500;
/** What the application does between its two writes. */
const betweenMs = 200;

/** How long each claim was without its marker, by the clock of this process; 0 where the marker came first. */
async function writeClaims(world: World): Promise<Map<string, number>> {
  const withoutMarker = new Map<string, number>();
  const random = createRandom(14);
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let uid = (next += 1); uid <= claims; uid = next += 1) {
      const marker = async () => world.redis.set(`gift:${uid}`, `attempt-${uid}`, 'PX', dayMs);
      const row = async () =>
        world.pool.query(
          `insert into gift_claim (uid, attempt_id, status, expires_at)
           values ($1, $2, 'granted', clock_timestamp() + interval '1 day')`,
          [uid, `attempt-${uid}`],
        );
      const workMs = random.integer(0, betweenMs);
      if (uid % 2 === 0) {
        await marker();
        await wait(workMs);
        await row();
        withoutMarker.set(`gift:${uid}`, 0);
      } else {
        // From before the row is sent: it is committed some time after that.
        const sentAtMs = performance.now();
        await row();
        await wait(workMs);
        await marker();
        withoutMarker.set(`gift:${uid}`, performance.now() - sentAtMs);
      }
    }
  };
  await Promise.all(Array.from({ length: atATime }, writer));
  return withoutMarker;
}

it('14: is never repaired: neither order of the writes, whatever the passes run into', async () => {
  const world = await worlds.create();
  const rules = { graceMs };
  const over = new AbortController();
  const passes = (async () => {
    let judged = 0;
    while (!over.signal.aborted) judged += (await world.runPassNow({ rules })).checked;
    return judged;
  })();
  const withoutMarker = await writeClaims(world);
  over.abort();
  const judgedMeanwhile = await passes;
  const last = await world.runPass({ rules });
  expect(judgedMeanwhile + last.checked).toBe(claims);
  expect(judgedMeanwhile).toBeGreaterThan(0);
  const repaired = (await world.repairs())
    .filter(({ outcome }) => outcome === 'applied')
    .map(({ key }) => key);
  const wrongly = repaired.filter((key) => (withoutMarker.get(key) ?? 0) <= graceMs);
  expect(wrongly).toEqual([]);
  for (const key of repaired) expect((await world.readMarker(key))?.value).toBe(`attempt-${key.slice(5)}`);
}, 180_000);
