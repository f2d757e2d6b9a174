/**
 * The compiled daemon as a process, for benches that measure it: started, waited for until it is ready, stopped.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { OpenDemoStores } from '../src/demo/demo-stores.ts';
import { findFreePort } from '../src/embedded/free-port.ts';

export interface StartedDaemon {
  readonly process: ChildProcess;
  /** From the start of the process to the first answer that it is ready. */
  readonly readySeconds: number;
}

export interface BenchSettings {
  readonly schedule: string;
  /** The section `reading`, in braces. */
  readonly reading?: string;
}

const readyWithinMs = 60_000;
const stopWithinMs = 20_000;

/** Over the gift claims of a bench, in mode observe. */
export async function startDaemon(
  stores: OpenDemoStores,
  compiled: string,
  settings: BenchSettings,
): Promise<StartedDaemon> {
  const port = await findFreePort();
  const config = join(compiled, `daemon-${port}.config.yaml`);
  writeFileSync(config, configText(stores.prefix, port, settings));
  const env = { ...process.env, DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.redisUrl };
  const args = [join(compiled, 'src/cli/main.js'), 'start', '--config', config];
  const startedAtMs = performance.now();
  const daemon = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  while (!(await isReady(port))) {
    const tooLate = performance.now() - startedAtMs > readyWithinMs;
    if (tooLate) daemon.kill('SIGKILL');
    if (tooLate || daemon.exitCode !== null)
      throw new Error('the daemon did not become ready; what it said is above');
    await pause(5);
  }
  return { process: daemon, readySeconds: (performance.now() - startedAtMs) / 1000 };
}

async function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

export async function stopDaemon(daemon: ChildProcess): Promise<void> {
  const ended = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  const tooLate = setTimeout(() => daemon.kill('SIGKILL'), stopWithinMs);
  await ended;
  clearTimeout(tooLate);
}

function configText(prefix: string, port: number, { schedule, reading = '{}' }: BenchSettings): string {
  return `http: { port: ${port} }
log: { level: warn }
reading: ${reading}
sources:
  gifts:
    table: public.gift_claim
    columns: { id: id, attempt: attempt_id, status: status, expiresAt: expires_at }
    marker: { key: '${prefix}gift:{activity_id}:{gift_id}:{uid}', value: '{attempt_id}' }
    statuses: { pending: pending, granted: granted, released: [failed, revoked] }
    mode: observe
    grace: 1s
    schedule: '${schedule}'
`;
}
