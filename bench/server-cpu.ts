/**
 * CPU seconds that the two servers have used so far. Redis says so itself; for Postgres, whose processes come and go, they are
 * read from /proc: null where there is none.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type pg from 'pg';

export interface ServerCpu {
  readonly postgres: number | null;
  readonly redis: number;
}

/** Of the kernel's clock; the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

interface ProcessStat {
  readonly parent: number;
  readonly ownSeconds: number;
  readonly endedChildrenSeconds: number;
}

export async function readServerCpu(pool: pg.Pool, redis: Redis): Promise<ServerCpu> {
  const info = await redis.info('cpu');
  const used = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)];
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
  return {
    postgres: readPostgres(rows[0]?.pid ?? 0),
    redis: used.reduce((sum, [, seconds]) => sum + Number(seconds), 0),
  };
}

/** Of one process, without its children; null where it cannot be read. */
export function readCpuSeconds(pid: number): number | null {
  return readStat(pid)?.ownSeconds ?? null;
}

/** All processes of the server that this backend belongs to, also those that have ended. */
function readPostgres(backend: number): number | null {
  const server = readStat(backend)?.parent;
  if (server === undefined) return null;
  const children = readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : null;
    return stat?.parent === server ? [stat.ownSeconds + stat.endedChildrenSeconds] : [];
  });
  const own = readStat(server);
  return children.reduce(
    (sum, seconds) => sum + seconds,
    (own?.ownSeconds ?? 0) + (own?.endedChildrenSeconds ?? 0),
  );
}

/** From `pid (name) state ppid …`; null for a process that is not there. */
function readStat(pid: number): ProcessStat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const seconds = (at: number): number => ((fields[at] ?? 0) + (fields[at + 1] ?? 0)) / ticksPerSecond;
    return { parent: fields[1] ?? 0, ownSeconds: seconds(11), endedChildrenSeconds: seconds(13) };
  } catch {
    return null;
  }
}
