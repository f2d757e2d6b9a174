/**
 * The nemesis: two daemons and two applications, random faults by seed, and then everything must be as if nothing had happened
 * (invariants 2, 3, 4, 7, 8, 9, 10). `npm run chaos -- --seed N --minutes M` runs one history for longer.
 */
import { expect, it } from 'vitest';
import { useProgram } from '../cli/support/program.ts';
import { createRandom } from '../support/seeded-random.ts';
import { runNemesis } from './nemesis/run-nemesis.ts';

const program = useProgram();
const { CHAOS_SEED: givenSeed, CHAOS_MINUTES: minutes } = process.env;
const seeds = givenSeed === undefined ? [1, 2] : [Number(givenSeed)];
const strikesInCi = 6;
const lastsMs = Number(minutes ?? '0') * 60_000;

it.each(seeds)(
  'seed %i: whatever strikes, each thing is handed out once at most, and all settles',
  async (seed) => {
    const until = performance.now() + lastsMs;
    const history = await runNemesis(program, createRandom(seed), {
      goesOn: (strikes) => (minutes === undefined ? strikes < strikesInCi : performance.now() < until),
      say: (line) => console.log(`seed ${seed}: ${line}`),
    });
    const { samples, strikes, ...rest } = history;
    console.log(`seed ${seed}: ${JSON.stringify({ strikes: strikes.length, ...rest })}`);
    expect(rest.wrongs).toEqual([]);
    // That they can be taken is shown here; what they say takes longer: see soak.test.ts.
    expect(Object.keys(Object.assign({}, ...samples))).toHaveLength(13);
    expect(rest.granted).toBeGreaterThan(50);
  },
  lastsMs + 600_000,
);
