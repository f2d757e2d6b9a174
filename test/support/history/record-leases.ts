/**
 * Servers of a test's own on which leases are held and slots written, recorded from the first moment on and judged by L1, L2 and L3.
 */
import { migrate } from '../../../src/postgres/migrate.ts';
import type { RunningServer } from '../../../src/embedded/running-server.ts';
import { startPostgres } from '../../../src/embedded/start-postgres.ts';
import { startRedis } from '../../../src/embedded/start-redis.ts';
import { createDatabase, type TestDatabase } from '../database.ts';
import { rowsOf } from './events.ts';
import { foreignLeasesTouched, writesAfterTheLease, writesOutOfTokenOrder } from './judge-lease.ts';
import { keyChanges } from './marker-changes.ts';
import { recordRedis, type RedisRecorder } from './record-redis.ts';
import { recordedRows, recordedSettings, recordRows } from './record-rows.ts';

/** A write that is on its way when the lease ends may land that much later. */
const onItsWayMs = 500;

export class RecordedLeases {
  readonly redis: RunningServer;
  readonly database: TestDatabase;
  readonly #postgres: RunningServer;
  readonly #recorder: RedisRecorder;

  private constructor(
    redis: RunningServer,
    postgres: RunningServer,
    database: TestDatabase,
    recorder: RedisRecorder,
  ) {
    this.redis = redis;
    this.database = database;
    this.#postgres = postgres;
    this.#recorder = recorder;
  }

  static async open(): Promise<RecordedLeases> {
    const { env } = process;
    const [postgres, redis] = await Promise.all([
      startPostgres({ env, settings: recordedSettings }),
      startRedis({ env }),
    ]);
    const database = await createDatabase({ serverUrl: postgres.url });
    await migrate(database.pool);
    await recordRows(database.pool);
    return new RecordedLeases(redis, postgres, database, await recordRedis(redis.url, 'leases'));
  }

  /** What is against the invariants of the lease under this key, in words. Nothing was written unless there are slots and changes. */
  async wrongs(key: string): Promise<string[]> {
    await this.#recorder.catchUp();
    const leases = [...keyChanges(this.#recorder.events, 'leases', key)];
    const rows = await recordedRows(this.database.pool);
    const slots = rowsOf(rows, 'slot');
    if (leases.length === 0 || slots.length === 0) return ['nothing was recorded'];
    return [
      ...writesOutOfTokenOrder(slots),
      ...writesAfterTheLease(slots, rowsOf(rows, 'lease_term'), leases, onItsWayMs),
      ...foreignLeasesTouched(leases),
    ];
  }

  async close(): Promise<void> {
    this.#recorder.stop();
    await this.database.drop();
    await Promise.all([this.#postgres.stop(), this.redis.stop()]);
  }
}
