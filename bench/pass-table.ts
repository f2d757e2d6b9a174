/**
 * The figures of a pass as a table for people. Computes nothing but medians and shares.
 */
import { median } from './median.ts';
import type { Felt, Politeness } from './politeness.ts';
import { rateOf, type MeasuredName, type PassBench, type Run } from './pass.ts';

const words: Readonly<Record<MeasuredName, string>> = {
  ours: 'a pass',
  floor: 'floor: both stores at one time, raw clients',
  floorPostgres: '  Postgres alone, COPY',
  floorRedis: '  Redis alone, GET and PTTL in pipelines',
  batched: 'script: pages of 1,000, pipelined GET and PTTL',
  scan: 'script: SCAN, and claims looked up',
  rowByRow: 'script: row by row, await get, await pttl',
};
const columns = ['rows/s', 'of floor', 'ours is', 'wall s', 'node s', 'postgres s', 'redis s', 'peak MB'];

export function describePass({ runs, rows, repeats, politeness }: PassBench): string[] {
  const ours = rateOf(runs.ours);
  const floor = rateOf(runs.floor);
  const names = Object.keys(words) as MeasuredName[];
  const lines = names.map((name) => {
    const rate = rateOf(runs[name]);
    const figures = [
      Math.round(rate).toLocaleString('en'),
      (rate / floor).toFixed(2),
      name === 'ours' ? '' : `${(ours / rate).toFixed(2)} x`,
      ...(['seconds', 'nodeCpu', 'postgresCpu', 'redisCpu'] as const).map((key) => middle(runs[name], key)),
      Math.round(Math.max(...runs[name].map(({ peakMegabytes }) => peakMegabytes))).toString(),
    ];
    return row(words[name], figures);
  });
  return [
    `${rows.toLocaleString('en')} claims; medians of ${repeats}; seconds of wall clock, then of CPU by process`,
    row('', columns),
    ...lines,
    '',
    ...describePoliteness(politeness),
  ];
}

function describePoliteness({ p99AboveIdleMs, rounds }: Politeness): string[] {
  const line = (title: string, felt: readonly Felt[]): string =>
    row(
      title,
      (['p50Ms', 'p99Ms', 'maxMs'] as const).map((key) => median(felt.map((one) => one[key])).toFixed(2)),
    );
  return [
    row('GET of another client of the marker Redis', ['p50 ms', 'p99 ms', 'max ms']),
    line('while nothing else runs', rounds.idle),
    line('during a pass', rounds.ours),
    line('during the batched script', rounds.batched),
    `p99 during a pass above the one while nothing runs: ${p99AboveIdleMs.toFixed(2)} ms`,
  ];
}

function middle(runs: readonly Run[], key: 'seconds' | 'nodeCpu' | 'postgresCpu' | 'redisCpu'): string {
  const known = runs.flatMap((run) => run[key] ?? []);
  return known.length === 0 ? '-' : median(known).toFixed(2);
}

function row(title: string, figures: readonly string[]): string {
  return title.padEnd(48) + figures.map((figure) => figure.padStart(11)).join('');
}
