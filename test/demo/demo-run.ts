/**
 * The demo as a process, and what is read of it: its balance, what it sent to Redis, what it left behind.
 */
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { startProcess, type ProcessHandle } from '../support/process-handle.ts';

/** @param env where the stores are; empty urls for servers of the demo's own */
export function startDemo(env: NodeJS.ProcessEnv, args: readonly string[] = []): ProcessHandle {
  return startProcess('src/cli/main.ts', { args: ['demo', '--once', ...args], env });
}

export interface BalanceLine {
  readonly kind: string;
  readonly injected: number;
  readonly found: number;
  readonly repaired: number;
  readonly alerted: number;
}

/** The lines of the balance, the total last. */
export function readBalance(lines: readonly string[]): BalanceLine[] {
  return lines.flatMap((line) => {
    const cells = /^ {3}(\w+) .*?(\d+) +(\d+) +(\d+) +(\d+)$/.exec(line);
    if (cells === null) return [];
    const [, kind = '', ...counts] = cells;
    const [injected = 0, found = 0, repaired = 0, alerted = 0] = counts.map(Number);
    return [{ kind, injected, found, repaired, alerted }];
  });
}

export function sumOf(lines: readonly BalanceLine[]): BalanceLine {
  const sum = (of: (line: BalanceLine) => number): number =>
    lines.reduce((total, line) => total + of(line), 0);
  return {
    kind: 'total',
    injected: sum((line) => line.injected),
    found: sum((line) => line.found),
    repaired: sum((line) => line.repaired),
    alerted: sum((line) => line.alerted),
  };
}

export interface Wire {
  /** How often each command was seen, whoever sent it, scripts included. */
  readonly counts: ReadonlyMap<string, number>;
  readonly stop: () => void;
}

/** Sees every command that a server carries out from now on. */
export async function listenToWire(redis: Redis): Promise<Wire> {
  const counts = new Map<string, number>();
  const monitor = await redis.monitor();
  monitor.on('monitor', (_time: string, [command = '']: string[]) => {
    const name = command.toUpperCase();
    counts.set(name, (counts.get(name) ?? 0) + 1);
  });
  return { counts, stop: () => monitor.disconnect() };
}

/** Commands that walk through keys or throw them all away (invariant 11). */
export function forbiddenOf({ counts }: Wire): string[] {
  return [...counts.keys()].filter((name) => /^(KEYS|.*SCAN|FLUSH.*|RANDOMKEY)$/.test(name));
}

/** Databases of demos on a server. */
export async function demoDatabases(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select datname as name from pg_database where datname like 'claim\\_reconciler\\_demo\\_%'`,
  );
  return rows.map(({ name }) => name);
}

/** Folders of servers under `folder`, and processes that still work in one. */
export async function leftIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  const folders = names.filter((name) => name.startsWith('claim-reconciler-'));
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(
    processes.map(async (pid) => readlink(join('/proc', pid, 'cwd')).catch(() => '')),
  );
  return [...folders, ...places.filter((place) => place.startsWith(join(folder, 'claim-reconciler-')))];
}
