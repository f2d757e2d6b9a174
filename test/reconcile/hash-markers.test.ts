/**
 * A source whose markers are hashes, from the first pass to the undo.
 */
import { beforeEach, expect, it } from 'vitest';
import { run as runUndo } from '../../jobs/undo.ts';
import type { Source } from '../../src/domain/source.ts';
import { openClaimTable } from '../../src/postgres/claim-table.ts';
import { giftSource } from './support/claim-tables.ts';
import { silentReporter } from './support/job-deps.ts';
import { useWorlds } from './support/use-world.ts';
import type { Gift, World } from './support/world.ts';

const worlds = useWorlds();
let world: World;

const hashes: Source = { ...giftSource, marker: { ...giftSource.marker, hashField: 'attempt' } };
const sources = [hashes];

beforeEach(async () => {
  world = await worlds.create();
});

async function setHash(
  { key, attempt, expiresAtMs }: Gift,
  value = attempt,
  leftMs = expiresAtMs - Date.now(),
): Promise<void> {
  await world.redis.hset(key, { attempt: value, at: 'noon' });
  if (leftMs > 0) await world.redis.pexpire(key, Math.round(leftMs));
}

it('finds what is wrong with them, repairs it, and finds nothing more', async () => {
  const [right, missing, immortal, short, plain, released] = [
    await world.addGift(),
    await world.addGift(),
    await world.addGift(),
    await world.addGift(),
    await world.addGift(),
    await world.addGift({ status: 'failed' }),
  ];
  for (const gift of [right, released]) await setHash(gift);
  await setHash(immortal, immortal.attempt, 0);
  await setHash(short, short.attempt, 60_000);
  await world.setMarker(plain);
  expect(await world.runPass({ sources })).toMatchObject({
    checked: 6,
    verdicts: {
      consistent: 1,
      missing_marker: 1,
      immortal_marker: 1,
      wrong_expiry: 1,
      unreadable_marker: 1,
      orphan_marker: 1,
    },
    repairs: { applied: 4 },
    open: 1,
  });
  expect(await world.redis.hgetall(right.key)).toEqual({ attempt: right.attempt, at: 'noon' });
  expect(await world.redis.hgetall(missing.key)).toEqual({ attempt: missing.attempt });
  expect(await world.redis.exists(released.key)).toBe(0);
  for (const { key, expiresAtMs } of [missing, immortal, short]) {
    expect(Math.abs((await world.redis.pexpiretime(key)) - expiresAtMs)).toBeLessThan(60_000);
  }
  await world.redis.del(plain.key);
  await setHash(plain);
  await world.pool.query('update gift_claim set uid = uid');
  expect(await world.runPass({ sources })).toMatchObject({
    checked: 6,
    verdicts: { consistent: 6 },
    open: 0,
  });
});

it('takes back what it did, as far as the field goes', async () => {
  const gift = await world.addGift({ status: 'failed' });
  await setHash(gift);
  const { passId } = await world.runPass({ sources });
  expect(await world.redis.exists(gift.key)).toBe(0);
  const { undone } = await runUndo(
    { which: { passId }, force: false, by: 'a person' },
    world.deps({ sources }),
    silentReporter,
    new AbortController().signal,
  );
  expect(undone).toMatchObject([{ outcome: 'undone' }]);
  expect(await world.redis.hgetall(gift.key)).toEqual({ attempt: gift.attempt });
});

it('are not taken by the gate', async () => {
  await expect(openClaimTable(world.pool, hashes)).rejects.toThrow(
    'marker.hashField says that markers are hashes',
  );
});
