/**
 * The demo's own database, and its own corner of Redis.
 * Invariant kept: closing drops the database, and deletes the markers that were set and the daemon's queue; nothing else
 * is touched, and a step of it that fails does not keep the others from being done.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { queuePrefix } from '../app/daemon.ts';
import { decodeOpenClaim, openClaimsKey } from '../domain/open-claim.ts';
import { connectPostgres, defaultPoolLimits, endPool } from '../postgres/connect.ts';
import { createDatabase, dropDatabase } from '../postgres/database.ts';
import { migrate } from '../postgres/migrate.ts';
import { connectStrict, endRedis, untilReady } from '../redis/connect.ts';
import { readOpenClaims } from '../redis/open-claims.ts';
import { removeQueues } from '../schedule/remove-queues.ts';
import { giftSource } from './demo-source.ts';
import type { DemoStores } from './fill-claims.ts';

const tables = readFileSync(new URL('./demo-tables.sql', import.meta.url), 'utf8');
const keysPerBatch = 5_000;
const closeMs = 2_000;

export interface OpenDemoStores extends DemoStores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** What the daemon's own keys in Redis begin with. */
  readonly namespace: string;
  /** To be called when the daemon has ended: clears Redis, drops the database and closes the connections. */
  close(): Promise<void>;
}

/** Creates the database and its tables. Throws when the role may not create databases; then nothing is left behind. */
export async function openDemoStores(servers: {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}): Promise<OpenDemoStores> {
  const name = `claim_reconciler_demo_${randomBytes(4).toString('hex')}`;
  const databaseUrl = await createDatabase(servers.databaseUrl, name);
  const pool = connectPostgres({
    url: databaseUrl,
    applicationName: 'claim-reconciler demo',
    ...defaultPoolLimits,
    onError: () => undefined,
  });
  const redis = connectStrict(servers.redisUrl, { onError: () => undefined });
  const prefix = `demo-${name.slice(-4)}:`;
  const namespace = `${prefix}claim-reconciler`;
  const leave = async (): Promise<void> => {
    await endRedis(redis, closeMs);
    await endPool(pool, closeMs);
    await dropDatabase(servers.databaseUrl, name);
  };
  try {
    await untilReady(redis, 5_000);
    await migrate(pool);
    await pool.query(tables);
  } catch (error) {
    await leave();
    throw error;
  }
  return {
    pool,
    redis,
    prefix,
    namespace,
    databaseUrl,
    redisUrl: servers.redisUrl,
    async close() {
      try {
        await deleteMarkers(pool, redis, prefix);
        await deleteOpenClaims(redis, openClaimsKey(namespace, giftSource));
        await removeQueues(servers.redisUrl, queuePrefix({ namespace }));
      } finally {
        await leave();
      }
    },
  };
}

/** The keys are made from the rows again: nothing is enumerated in Redis. */
async function deleteMarkers(pool: pg.Pool, redis: Redis, prefix: string): Promise<void> {
  const { rows } = await pool.query<{ key: string }>(
    `select $1 || 'gift:' || activity_id || ':' || gift_id || ':' || uid as key from gift_claim
     union select $1 || 'order:' || order_id from order_grab`,
    [prefix],
  );
  for (let at = 0; at < rows.length; at += keysPerBatch) {
    await redis.unlink(...rows.slice(at, at + keysPerBatch).map(({ key }) => key));
  }
}

/** The index, and the markers that only it knows of: of claims whose row was never written. */
async function deleteOpenClaims(redis: Redis, indexKey: string): Promise<void> {
  const everything = { indexKey, ageMs: 0, skip: 0, rowsMax: keysPerBatch };
  const entries = await readOpenClaims(redis, everything, closeMs);
  const keys = entries.flatMap(({ member }) => decodeOpenClaim(member)?.markerKey ?? []);
  await redis.unlink(indexKey, ...keys);
}
