/**
 * Random histories of claims through the gate: many users for few things, crashes at any step, a distributor that fails in
 * every way, markers lost one by one and all at once, passes of the reconciler all the while. Then the faults end, and
 * everything settles with one grant at most for each thing (invariant 9). GATE_CLAIMS sets the number of claims.
 */
import { describe, expect, it } from 'vitest';
import { useWorlds } from '../reconcile/support/use-world.ts';
import { chooseSeed, createRandom, type SeededRandom } from '../support/seeded-random.ts';
import { openGateWorld, type GateWorld } from './support/gate-world.ts';

const worlds = useWorlds();
const claimsMade = Number(process.env['GATE_CLAIMS'] ?? 600);
const claimsPerThing = 8;
const usersAtOnce = 16;
const faultShare = 0.4;
const faults = ['refuse', 'silent', 'late_yes', 'lose_reply', 'fail_before', 'fail_after'] as const;

async function playOne(gates: GateWorld, random: SeededRandom, n: number): Promise<void> {
  const uid = random.integer(1, Math.ceil(claimsMade / claimsPerThing));
  const attempt = `attempt-${n}`;
  if (random.chance(faultShare))
    gates.distributor.plan(attempt, random.pick(faults), { delayMs: random.integer(50, 2_000) });
  const crashAfter = random.chance(faultShare) ? random.integer(0, 4) : null;
  const failCall = random.chance(0.1) ? random.integer(1, 6) : null;
  await gates.claim(uid, attempt, { crashAfter, failCall });
  if (random.chance(0.05)) await gates.world.redis.del(`gift:${uid}`);
}

/** Users come one after the other, some at a time; passes run all the while; now and then Redis loses everything. */
async function playAll(gates: GateWorld, random: SeededRandom): Promise<void> {
  let next = 0;
  const playing = { goesOn: true };
  const user = async (): Promise<void> => {
    for (let n = next++; n < claimsMade; n = next++) {
      await playOne(gates, random, n);
      if (n % 150 === 149) await gates.world.redis.flushdb();
    }
  };
  const reconciler = async (): Promise<void> => {
    while (playing.goesOn) await gates.pass();
  };
  const passes = reconciler();
  await Promise.all(Array.from({ length: usersAtOnce }, user));
  playing.goesOn = false;
  await passes;
}

describe('a random history of claims', () => {
  it('ends with one grant at most for each thing, and everything settled', async () => {
    const random = createRandom(chooseSeed('gate histories'));
    const gates = await openGateWorld(await worlds.create(), { notGranted: 'grant', honoursNotAfter: false });
    try {
      await playAll(gates, random);
      await gates.settleAll();
      expect(await gates.wrongs()).toEqual([]);
      const granted = [...gates.distributor.book().values()].filter(({ answer }) => answer === 'granted');
      expect(granted.length).toBeGreaterThan(claimsMade / claimsPerThing / 2);
    } finally {
      await gates.close();
    }
  }, 600_000);
});
