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

const passResult = readResult('pass');
if (passResult !== null) {
  const bench = JSON.parse(passResult) as PassBench;
  const speed = names.map(([name, title]) => speedBar(bench, name, title));
  write('pass-speed', 'Claims judged a second', speed);
  write('pass-politeness', 'GET of another client, p99 in milliseconds', politenessBars(bench));
}
const scaleResult = readResult('scale');
if (scaleResult !== null) {
  const bench = JSON.parse(scaleResult) as ScaleBench;
  write('scale-keys', 'Seconds, by keys in Redis', keysBars(bench));
  write('scale-fresh', 'Seconds of a pass, by new claims', freshBars(bench));
}

/** Null when it is not there. */
function readResult(name: string): string | null {
  const file = new URL(`${name}.json`, folder);
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

function write(name: string, title: string, bars: readonly Bar[]): void {
  writeFileSync(new URL(`${name}.svg`, folder), drawBars(title, bars));
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
