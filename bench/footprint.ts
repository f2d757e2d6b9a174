/**
 * `npm run bench -- footprint`: what it takes to have the daemon: how soon it is ready, what it uses while there is nothing to do,
 * and how large the production install is. What an empty pass costs, the bench of repairs says.
 * Measures only. CPU and memory come from /proc, and are null where there is none; the size of the install is null where
 * the packages cannot be had.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startDaemon, stopDaemon } from './bench-daemon.ts';
import { median } from './median.ts';
import { readCpuSeconds } from './server-cpu.ts';
import { withClaims, type BenchOptions } from './with-claims.ts';

interface FootprintOptions extends BenchOptions {
  readonly rows: number;
  readonly seconds: number;
  readonly repeats: number;
}

export interface FootprintBench {
  readonly repeats: number;
  /** From the start of the process to the first answer that it is ready; medians. */
  readonly readySeconds: number;
  /** Of the last start, from when it is ready on, with a pass every ten seconds and no new claims. */
  readonly idle: {
    readonly seconds: number;
    /** Of one core. */
    readonly cpuShare: number | null;
    readonly megabytes: number | null;
  };
  /** The packages of a production install, and the program itself, compiled. */
  readonly install: { readonly packagesMegabytes: number | null; readonly programMegabytes: number };
  readonly runs: { readonly readySeconds: readonly number[] };
}

const root = fileURLToPath(new URL('..', import.meta.url));

export async function benchFootprint(options: FootprintOptions): Promise<FootprintBench> {
  const { rows, seconds, repeats, say } = options;
  return withClaims(options, rows, async ({ stores, compiled }) => {
    const readySeconds: number[] = [];
    let idle: FootprintBench['idle'] = { seconds, cpuShare: null, megabytes: null };
    for (let repeat = 0; repeat <= repeats; repeat += 1) {
      const daemon = await startDaemon(stores, compiled, { schedule: '*/10 * * * * *' });
      // The first judges all claims, and fills the caches of the disk.
      if (repeat > 0) readySeconds.push(daemon.readySeconds);
      if (repeat === repeats) {
        say(`${seconds} seconds with nothing to do …`);
        idle = await watchIdle(daemon.process.pid ?? 0, seconds);
      }
      await stopDaemon(daemon.process);
      say(`start ${repeat} of ${repeats}`);
    }
    say('installing for production …');
    const install = { packagesMegabytes: sizeOfInstall(), programMegabytes: sizeOfProgram(compiled) };
    return { repeats, readySeconds: median(readySeconds), idle, install, runs: { readySeconds } };
  });
}

export function describeFootprint({ repeats, readySeconds, idle, install }: FootprintBench): string[] {
  const known = (figure: number | null, digits = 0): string =>
    figure === null ? 'unknown' : figure.toFixed(digits);
  const share = idle.cpuShare === null ? null : idle.cpuShare * 100;
  return [
    `from start to ready, median of ${repeats}: ${readySeconds.toFixed(2)} s`,
    `with nothing to do, over ${idle.seconds} s: ${known(share, 2)} % of a core, ${known(idle.megabytes)} MB`,
    `production install: ${known(install.packagesMegabytes, 1)} MB of packages, ${install.programMegabytes.toFixed(1)} MB of program`,
  ];
}

async function watchIdle(pid: number, seconds: number): Promise<FootprintBench['idle']> {
  const before = readCpuSeconds(pid);
  await pause(seconds * 1_000);
  const after = readCpuSeconds(pid);
  const cpuShare = before === null || after === null ? null : (after - before) / seconds;
  return { seconds, cpuShare, megabytes: readMegabytes(pid) };
}

/** Memory that the process holds now. */
function readMegabytes(pid: number): number | null {
  try {
    const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) / 1024;
  } catch {
    return null;
  }
}

/** Null when npm cannot get the packages. */
function sizeOfInstall(): number | null {
  const folder = mkdtempSync(join(tmpdir(), 'claim-reconciler-install-'));
  try {
    for (const name of ['package.json', 'package-lock.json']) cpSync(join(root, name), join(folder, name));
    const args = ['ci', '--omit=dev', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
    const installed = spawnSync('npm', args, { cwd: folder, stdio: 'ignore' });
    return installed.status === 0 ? megabytesOf(join(folder, 'node_modules')) : null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function sizeOfProgram(compiled: string): number {
  return ['src', 'jobs', 'migrations'].reduce((sum, name) => sum + megabytesOf(join(compiled, name)), 0);
}

/** Of all files below, as they lie on the disk. */
function megabytesOf(folder: string): number {
  const bytes = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).blocks * 512, 0);
  return bytes / 1024 ** 2;
}
