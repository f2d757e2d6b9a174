/**
 * How long it takes until somebody goes on: `npm run recovery`. Two daemons as processes, on servers of their own; the one that
 * schedules is killed, stopped, or its Redis fails over, and a claim without its marker is written at that moment. Printed are
 * the times until the next slot was handed out by one that works, and until the claim was repaired. `--repeats N`, `--json`.
 * Compares with nobody: docs/reliability.md has what comparable systems promise.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readEnvironment } from '../src/config.ts';
import { measureFailover, measureKill, measureStop, type Recovery } from './recovery-faults.ts';
import { openStage } from './recovery-stage.ts';
import { median } from './median.ts';

const { values } = parseArgs({
  options: { repeats: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const faults = [
  ['kill -9 of the one that schedules', measureKill],
  ['SIGSTOP of the one that schedules', measureStop],
  ['Redis killed, its replica promoted', measureFailover],
] as const;

const folder = await mkdtemp(join(tmpdir(), 'recovery-'));
const found: { readonly fault: string; readonly recoveries: Recovery[] }[] = [];
try {
  for (const [fault, measure] of faults) {
    const recoveries: Recovery[] = [];
    for (let repeat = 0; repeat < Number(values.repeats); repeat += 1) {
      const stage = await openStage(readEnvironment(), async (text) => {
        const path = join(folder, 'recovery.yaml');
        await writeFile(path, text);
        return path;
      });
      try {
        recoveries.push(await measure(stage));
      } finally {
        await stage.close();
      }
    }
    found.push({ fault, recoveries });
    say(describe(fault, recoveries));
  }
} finally {
  await rm(folder, { recursive: true });
}
const machine = { cpus: cpus().length, node: process.version, load: loadavg()[0] };
if (values.json) process.stdout.write(`${JSON.stringify({ machine, found })}\n`);

function describe(fault: string, recoveries: readonly Recovery[]): string {
  const figure = (name: keyof Recovery): string => {
    const seconds = recoveries.map((recovery) => recovery[name] / 1_000);
    return `${median(seconds).toFixed(1)} s (at most ${Math.max(...seconds).toFixed(1)})`;
  };
  return `${fault.padEnd(36)} next slot after ${figure('slotMs')}, claim repaired after ${figure('repairedMs')}`;
}
