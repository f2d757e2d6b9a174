/**
 * `npm run charts`: draws the charts of docs/performance.md from the results of the benches, `docs/performance/*.json`, as
 * `npm run bench -- … --json` printed them. A result that is not there has no chart.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { drawBars, type Bar } from './bar-chart.ts';
import { median } from './median.ts';
import { rateOf, type MeasuredName, type PassBench } from './pass.ts';
import type { ScaleBench } from './scale.ts';

const folder = new URL('../docs/performance/', import.meta.url);

const names: readonly (readonly [MeasuredName, string])[] = [
  ['floor', 'floor: raw clients on both stores'],
  ['ours', 'a pass'],
  ['batched', 'script: pages, pipelines'],
  ['scan', 'script: SCAN'],
  ['rowByRow', 'script: row by row'],
];

draw<PassBench>('pass', (bench) => [
  ['pass-speed', 'Claims judged a second', names.map(([name, title]) => speedBar(bench, name, title))],
  ['pass-politeness', 'GET of another client, p99 in milliseconds', politenessBars(bench)],
]);
draw<ScaleBench>('scale', (bench) => [
  ['scale-keys', 'Seconds, by keys in Redis', keysBars(bench)],
  ['scale-fresh', 'Seconds of a pass, by new claims', freshBars(bench)],
]);

/** `charts` gives for each its name, its title and its bars. */
function draw<Bench>(
  result: string,
  charts: (bench: Bench) => readonly (readonly [string, string, readonly Bar[]])[],
): void {
  const file = new URL(`${result}.json`, folder);
  if (!existsSync(file)) return;
  const bench = JSON.parse(readFileSync(file, 'utf8')) as Bench;
  for (const [name, title, bars] of charts(bench)) {
    writeFileSync(new URL(`${name}.svg`, folder), drawBars(title, bars));
  }
}

function speedBar({ runs }: PassBench, name: MeasuredName, title: string): Bar {
  const rate = rateOf(runs[name]);
  return { title, value: rate, label: Math.round(rate).toLocaleString('en'), isOurs: name === 'ours' };
}

function politenessBars({ politeness: { rounds } }: PassBench): Bar[] {
  const titles = { idle: 'nothing else runs', ours: 'a pass', batched: 'script: pages, pipelines' } as const;
  return (['idle', 'ours', 'batched'] as const).map((name) => {
    const p99 = median(rounds[name].map(({ p99Ms }) => p99Ms));
    return { title: titles[name], value: p99, label: p99.toFixed(2), isOurs: name === 'ours' };
  });
}

function keysBars({ byKeys }: ScaleBench): Bar[] {
  return byKeys.flatMap(({ keys, fresh, seconds, scanSeconds }): Bar[] => {
    const pass = median(seconds);
    const size = `${keys.toLocaleString('en')} keys`;
    return [
      {
        title: `${size}: pass over ${fresh.toLocaleString('en')}`,
        value: pass,
        label: pass.toFixed(2),
        isOurs: true,
      },
      { title: `${size}: SCAN alone`, value: scanSeconds, label: scanSeconds.toFixed(2) },
    ];
  });
}

function freshBars({ byFresh }: ScaleBench): Bar[] {
  return byFresh.map(({ fresh, seconds }) => {
    const pass = median(seconds);
    return { title: fresh.toLocaleString('en'), value: pass, label: pass.toFixed(2), isOurs: true };
  });
}
