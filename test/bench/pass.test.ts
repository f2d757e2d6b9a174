/**
 * The bench of a pass with few rows: its object has every figure, and none of them is nonsense. How fast anything is, is not
 * asserted: machines differ.
 */
import { expect, it } from 'vitest';
import { z } from 'zod';
import { startProcess } from '../support/process-handle.ts';

const ratio = z.number().positive();
const run = z.strictObject({
  seconds: z.number().positive(),
  rowsPerSecond: z.number().positive(),
  nodeCpu: z.number().positive(),
  postgresCpu: z.number().nonnegative().nullable(),
  redisCpu: z.number().nonnegative(),
  peakMegabytes: z.number().min(20).max(2_000),
});
const runs = z.array(run).length(2);
const figures = z.strictObject({
  bench: z.literal('pass'),
  machine: z.looseObject({ cpus: z.int().positive(), node: z.literal(process.version), load: z.number() }),
  rows: z.literal(3_000),
  rowByRowRows: z.literal(300),
  repeats: z.literal(2),
  ratios: z.strictObject({ rowByRow: ratio, batched: ratio, scan: ratio, floor: ratio }),
  runs: z.strictObject({
    ours: runs,
    floor: runs,
    floorPostgres: runs,
    floorRedis: runs,
    batched: runs,
    rowByRow: runs,
    scan: runs,
  }),
});

it('prints one object with every figure', async () => {
  const bench = startProcess('bench/main.ts', { args: ['--json', '--rows', '3000', '--repeats', '2'] });
  const line = await bench.waitForLine('{"bench"', { timeoutMs: 120_000 });
  expect(await bench.waitForEnd()).toEqual({ code: 0, signal: null });
  const found = figures.parse(JSON.parse(line));
  const rateOf = (name: keyof typeof found.runs): number[] =>
    found.runs[name].map(({ rowsPerSecond }) => rowsPerSecond).toSorted((a, b) => a - b);
  // The larger of two counts as their median.
  expect(found.ratios.batched).toBeCloseTo((rateOf('ours')[1] ?? 0) / (rateOf('batched')[1] ?? 0), 2);
  for (const { seconds, rowsPerSecond } of found.runs.ours)
    expect(seconds * rowsPerSecond).toBeCloseTo(3_000);
  for (const { seconds, rowsPerSecond } of found.runs.rowByRow)
    expect(seconds * rowsPerSecond).toBeCloseTo(300);
}, 180_000);

it('refuses what it does not know before it starts anything', async () => {
  const bench = startProcess('bench/main.ts', { args: ['--rows', 'many'] });
  expect(await bench.waitForEnd()).toEqual({ code: 2, signal: null });
  expect(bench.output()).toContain('--rows must be a whole number');
});
