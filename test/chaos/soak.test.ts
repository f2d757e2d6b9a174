/**
 * The soak run: traffic and faults for as long as is asked for, and what the daemons take stays what it is. Its rule is tried here
 * on figures made up; the run itself is `npm run soak -- --minutes M`.
 */
import { describe, expect, it } from 'vitest';
import { useProgram } from '../cli/support/program.ts';
import { createRandom } from '../support/seeded-random.ts';
import { runNemesis } from './nemesis/run-nemesis.ts';
import { judgeSoak, soakTable, type Growth, type Sample } from './nemesis/soak-verdict.ts';

const program = useProgram();
const { SOAK_MINUTES: minutes, SOAK_SEED: seed } = process.env;

function samplesOf(figure: string, valueAt: (share: number) => number): Sample[] {
  return Array.from({ length: 100 }, (_, at) => ({ [figure]: valueAt(at / 100) }));
}

/** A process that is killed takes its leaks with it; after the others all claims so far are read again, more each time. */
const unfit = new Set([
  'a daemon is killed',
  'the marker Redis is flushed',
  'the marker Redis fails over, and the last writes are lost',
]);

describe('the rule of the soak run', () => {
  it.each<[string, string, (share: number) => number, boolean]>([
    ['stays the same', 'heap, MB', () => 50, false],
    ['grows while it warms up', 'heap, MB', (share) => (share < 0.2 ? 50 * share : 60), false],
    ['jumps now and then', 'connections', (share) => (Math.round(share * 100) % 7 === 0 ? 90 : 20), false],
    ['grows all the time', 'heap, MB', (share) => 50 + 100 * share, true],
    ['grows by little', 'heap, MB', (share) => 50 + 8 * share, false],
    ['leaks a connection now and then', 'connections', (share) => 20 + Math.floor(share * 20), true],
  ])('what %s (%s)', (_, figure, valueAt, grew) => {
    const growths = judgeSoak(samplesOf(figure, valueAt));
    expect(growths).toMatchObject([{ figure, grew }]);
    expect(soakTable(growths)).toContain(grew ? 'GREW' : 'flat');
  });

  it('tells nothing from a few samples', () => {
    expect(() => judgeSoak(samplesOf('heap, MB', () => 1).slice(0, 10))).toThrow(/too few/);
  });
});

it.each(minutes === undefined ? [] : [Number(minutes)])(
  'for %d minutes',
  async (lasting) => {
    const until = performance.now() + lasting * 60_000;
    let growths: Growth[] = [];
    const { wrongs, strikes, granted, repaired } = await runNemesis(
      program,
      createRandom(Number(seed ?? '1')),
      {
        goesOn: () => performance.now() < until,
        strikesWith: (fault) => !unfit.has(fault),
        say: () => undefined,
        // It would hold back more and more, and what waits is no leak.
        brake: { repairsPerPlan: 10_000, repairsPerHour: 1_000_000 },
        onSamples: (samples) => {
          growths = judgeSoak(samples);
          console.log(`${samples.length} samples\n${soakTable(growths)}`);
        },
      },
    );
    console.log(`${strikes.length} faults, ${granted} granted, ${repaired} repaired`);
    expect(wrongs).toEqual([]);
    expect(growths.filter(({ grew }) => grew)).toEqual([]);
  },
  Number(minutes ?? '0') * 60_000 + 600_000,
);
