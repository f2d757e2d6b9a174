/**
 * The benches with few rows: their objects have every figure, and none of them is nonsense. How fast anything is, is not asserted:
 * machines differ.
 */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startProcess } from '../support/process-handle.ts';

const ratio = z.number().positive();
const oneRun = z.strictObject({
  seconds: z.number().positive(),
  rowsPerSecond: z.number().positive(),
  nodeCpu: z.number().positive(),
  postgresCpu: z.number().nonnegative().nullable(),
  redisCpu: z.number().nonnegative(),
  peakMegabytes: z.number().min(20).max(2_000),
});
const runs = z.array(oneRun).length(2);
const felt = z
  .array(
    z.strictObject({
      gets: z.int().positive(),
      p50Ms: z.number().positive(),
      p99Ms: z.number().positive(),
      maxMs: z.number().positive(),
    }),
  )
  .length(2);
const passFigures = z.strictObject({
  bench: z.literal('pass'),
  machine: z.looseObject({ cpus: z.int().positive(), node: z.literal(process.version), load: z.number() }),
  rows: z.literal(3_000),
  rowByRowRows: z.literal(300),
  repeats: z.literal(2),
  ratios: z.strictObject({ rowByRow: ratio, batched: ratio, scan: ratio, floor: ratio }),
  politeness: z.strictObject({
    p99AboveIdleMs: z.number(),
    rounds: z.strictObject({ idle: felt, ours: felt, batched: felt }),
  }),
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

const scaleFigures = z.object({
  bench: z.literal('scale'),
  ratios: z.strictObject({ keys: ratio, fresh: ratio }),
  byKeys: z.array(z.object({ keys: z.int(), seconds: z.array(ratio), scanSeconds: ratio })),
  byFresh: z.array(z.object({ keys: z.int(), fresh: z.int(), seconds: z.array(ratio) })),
});
const repairsFigures = z.object({
  bench: z.literal('repairs'),
  repairs: z.int(),
  repairsPerSecond: ratio,
  emptyPass: z.object({ seconds: ratio, nodeCpuMs: ratio, statements: z.int(), commands: z.int() }),
});

const footprintFigures = z.object({
  bench: z.literal('footprint'),
  readySeconds: ratio,
  idle: z.object({ seconds: z.int(), cpuShare: z.number().nullable(), megabytes: z.number().nullable() }),
  install: z.object({ packagesMegabytes: z.number().nullable(), programMegabytes: z.number() }),
});

/** What a bench prints on standard output with `--json`. */
async function run(...args: string[]): Promise<unknown> {
  const bench = startProcess('bench/main.ts', { args: [...args, '--json'] });
  const line = await bench.waitForLine('{"bench"', { timeoutMs: 150_000 });
  expect(await bench.waitForEnd()).toEqual({ code: 0, signal: null });
  return JSON.parse(line);
}

describe('a bench', { timeout: 180_000 }, () => {
  it('of a pass prints one object with every figure', async () => {
    const found = passFigures.parse(await run('--rows', '3000', '--repeats', '2'));
    const rateOf = (name: keyof typeof found.runs): number[] =>
      found.runs[name].map(({ rowsPerSecond }) => rowsPerSecond).toSorted((a, b) => a - b);
    // The larger of two counts as their median.
    const times = (rateOf('ours')[1] ?? 0) / (rateOf('batched')[1] ?? 0);
    expect(found.ratios.batched).toBeCloseTo(times, 2);
    for (const { seconds, rowsPerSecond } of found.runs.ours)
      expect(seconds * rowsPerSecond).toBeCloseTo(3_000);
    for (const { seconds, rowsPerSecond } of found.runs.rowByRow)
      expect(seconds * rowsPerSecond).toBeCloseTo(300);
  });

  it('of growth has each size that was asked for', async () => {
    const sizes = ['--keys', '4000,6000', '--fresh', '300,2000', '--repeats', '2'];
    const { byKeys, byFresh } = scaleFigures.parse(await run('scale', ...sizes));
    // The keys of the program itself are among them.
    expect(byKeys.map(({ keys }) => Math.floor(keys / 1_000))).toEqual([4, 6]);
    expect(byFresh.map(({ fresh }) => fresh)).toEqual([300, 2_000]);
    for (const { seconds } of [...byKeys, ...byFresh]) expect(seconds).toHaveLength(2);
  });

  it('of repairs makes all of them, and then finds nothing new', async () => {
    const { repairs, emptyPass } = repairsFigures.parse(
      await run('repairs', '--rows', '500', '--repeats', '1'),
    );
    expect(repairs).toBe(481);
    expect(emptyPass.statements).toBeGreaterThan(0);
  });

  it('of the footprint says how soon the daemon is ready, and what it uses', async () => {
    const sizes = ['--rows', '500', '--seconds', '1', '--repeats', '1'];
    const { readySeconds, idle, install } = footprintFigures.parse(await run('footprint', ...sizes));
    expect(readySeconds).toBeLessThan(60);
    expect(idle.seconds).toBe(1);
    expect(install.programMegabytes).toBeGreaterThan(0.1);
  });

  it('refuses what it does not know before it starts anything', async () => {
    const bench = startProcess('bench/main.ts', { args: ['--rows', 'many'] });
    expect(await bench.waitForEnd()).toEqual({ code: 2, signal: null });
    expect(bench.output()).toContain('--rows must be a whole number');
  });
});
