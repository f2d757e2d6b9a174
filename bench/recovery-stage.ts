/**
 * Two daemons over a table of claims, on a Postgres, a Redis with a replica, and an address that leads to one of the two.
 * Invariant kept: what was started is stopped, whatever was measured.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { RunningServer } from '../src/embedded/running-server.ts';
import { startPostgres } from '../src/embedded/start-postgres.ts';
import { startRedis } from '../src/embedded/start-redis.ts';
import { migrate } from '../src/postgres/migrate.ts';
import { startSwitch, type Switch } from '../test/support/switch.ts';

export interface Stage {
  readonly pool: pg.Pool;
  readonly daemons: readonly ChildProcess[];
  readonly primary: RunningServer;
  readonly replica: RunningServer;
  /** Where the daemons look for Redis. */
  readonly way: Switch;
  readonly close: () => Promise<void>;
}

const tables = `
  create table gift_claim (id bigint generated always as identity primary key, uid bigint not null,
    attempt_id text not null unique, status text not null, expires_at timestamptz not null,
    change_xid xid8 not null default pg_current_xact_id());
  create index on gift_claim (change_xid, id);
  create trigger stamp_change before insert or update on gift_claim
    for each row execute function reconciler.stamp_change();
  alter table gift_claim enable always trigger stamp_change`;

const configOf = (databaseUrl: string, redisPort: number): string => `
database: { url: '${databaseUrl}' }
markerRedis: { url: 'redis://127.0.0.1:${redisPort}/0' }
http: { port: 0 }
sources:
  gifts:
    table: gift_claim
    columns: { id: id, attempt: attempt_id, status: status, expiresAt: expires_at }
    marker: { key: 'gift:{uid}', value: '{attempt_id}' }
    statuses: { granted: granted, released: failed }
    mode: repair
    grace: 1s
    schedule: '* * * * * *'
`;

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** @param write keeps a configuration and returns its path */
export async function openStage(
  env: NodeJS.ProcessEnv,
  write: (text: string) => Promise<string>,
): Promise<Stage> {
  const settings = { 'repl-diskless-sync-delay': '0' };
  const [postgres, primary] = await Promise.all([startPostgres({ env }), startRedis({ env, settings })]);
  const replica = await startRedis({ env, settings: { replicaof: ['127.0.0.1', String(primary.port)] } });
  const way = await startSwitch(primary.port);
  const pool = new pg.Pool({ connectionString: postgres.url });
  pool.on('error', () => undefined);
  await migrate(pool);
  await pool.query(tables);
  const config = await write(configOf(postgres.url, way.port));
  const daemons = [0, 1].map(() =>
    spawn(process.execPath, ['--import', tsx, 'src/cli/main.ts', 'start', '--config', config], {
      env: { ...env, DATABASE_URL: '', REDIS_URL: '', QUEUE_REDIS_URL: '' },
      stdio: 'ignore',
    }),
  );
  return {
    pool,
    daemons,
    primary,
    replica,
    way,
    close: async () => {
      for (const daemon of daemons) daemon.kill('SIGKILL');
      await pool.end();
      await way.close();
      await Promise.all([replica.stop(), primary.stop(), postgres.stop()]);
    },
  };
}

/** Resolves once `isThere` says so. */
export async function until(isThere: () => Promise<boolean>): Promise<void> {
  for (;;) {
    if (await isThere().catch(() => false)) return;
    await wait(20);
  }
}

export async function inSync(replica: RunningServer): Promise<void> {
  const client = new Redis(replica.url);
  await until(async () => (await client.info('replication')).includes('master_link_status:up'));
  client.disconnect();
}

export async function promote(replica: RunningServer): Promise<void> {
  const client = new Redis(replica.url);
  await client.replicaof('NO', 'ONE');
  client.disconnect();
}
