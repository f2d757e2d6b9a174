/**
 * The migration that `adopt` prints, run on real tables while applications write them: nobody is shut out, nothing is
 * rewritten, and afterwards the table has all that a source needs. ADOPT_ROWS makes the table larger.
 */
import pg, { type PoolClient } from 'pg';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { lookAtTable, type LookedAtTable } from '../../src/postgres/adoption/look-at-table.ts';
import { lockWaitMs, type MigrationStep } from '../../src/postgres/adoption/migration-step.ts';
import { planMigration } from '../../src/postgres/adoption/plan-migration.ts';
import { inspectTable } from '../../src/postgres/inspect-table.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { giftRowsSql, giftTableSql, useAdoptedTables } from '../cli/support/adopted-tables.ts';
import { waitFor } from '../support/wait-for.ts';
import { startWriters } from './adoption-writers.ts';
import { shopSource } from './shop-table.ts';

const { escapeIdentifier } = pg;
const rows = Number(process.env['ADOPT_ROWS'] ?? 200_000);

const tables = useAdoptedTables({ ownPostgres: true });

beforeAll(async () => {
  await migrate(tables.pool());
});

afterEach(async () => tables.run('drop table if exists gift_claim cascade'));

async function onClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await tables.pool().connect();
  try {
    return await work(client);
  } finally {
    client.release(true);
  }
}

async function look(): Promise<LookedAtTable> {
  return onClient(async (client) => lookAtTable(client, { schema: 'public', name: 'gift_claim' }, 'id'));
}

async function plan(): Promise<MigrationStep[]> {
  return planMigration(await look(), 'id');
}

/** As psql runs the script: in one session, step by step. */
async function runSteps(steps: readonly MigrationStep[]): Promise<void> {
  await onClient(async (client) => {
    for (const { isTransaction, statements } of steps) {
      if (isTransaction) await client.query('begin');
      for (const statement of statements) await client.query(statement);
      if (isTransaction) await client.query('commit');
    }
  });
}

async function problems(): Promise<readonly string[]> {
  const source = { ...shopSource(), table: { schema: 'public', name: 'gift_claim' } };
  return (await inspectTable(tables.pool(), source)).problems;
}

async function one<T>(sql: string): Promise<T | undefined> {
  const { rows: found } = await tables.pool().query<{ value: T }>(sql);
  return found[0]?.value;
}

const statementsOf = (steps: readonly MigrationStep[]): string[] =>
  steps.flatMap(({ statements }) => statements);

describe('a table that applications write meanwhile', () => {
  it(`is ready afterwards, never rewritten, and its writers wait no longer than is said (${rows} rows)`, async () => {
    await tables.run(giftTableSql + giftRowsSql(rows));
    const file = await one<string>(`select pg_relation_filenode('gift_claim')::text as value`);
    const writers = startWriters(tables.env().DATABASE_URL, 4, rows);
    await waitFor(() => writers.written() > 200, { what: 'the writers to be under way' });
    const before = writers.takeSlowestMs();
    const written: number[] = [];
    for (const step of await plan()) {
      const from = writers.written();
      await runSteps([step]);
      await waitFor(() => writers.written() > from, { what: `a row written after: ${step.title}` });
      written.push(writers.written() - from);
    }
    const during = writers.takeSlowestMs();
    const failures = await writers.stop();
    console.log(
      `${rows} rows: slowest write ${before.toFixed(0)} ms before, ${during.toFixed(0)} ms during; written per step ${written.join(', ')}`,
    );
    expect(failures).toEqual([]);
    // What a write waits for is at most what a step waits for its lock, and what it needs anyway.
    expect(during).toBeLessThan(lockWaitMs + 10 * before);
    expect(await problems()).toEqual([]);
    expect(await plan()).toEqual([]);
    expect(await one(`select pg_relation_filenode('gift_claim')::text as value`)).toBe(file);
    expect(await one('select count(*)::int as value from gift_claim where change_xid is null')).toBe(0);
  }, 600_000);

  it('is left as it is when a transaction is in the way, whose end nobody else has to wait for', async () => {
    await tables.run(giftTableSql + giftRowsSql(100));
    const [stamp] = await plan();
    await onClient(async (client) => {
      await client.query('begin');
      await client.query(`update gift_claim set note = 'long' where id = 1`);
      const attempt = runSteps(stamp === undefined ? [] : [stamp]);
      const refused = expect(attempt).rejects.toMatchObject({ code: '55P03' });
      await waitFor(
        async () =>
          one(`select true as value from pg_locks where mode = 'AccessExclusiveLock' and not granted`),
        { what: 'the step to wait for its lock' },
      );
      // This one queues behind the step, and goes on when it gives up, while the long transaction is still open.
      await tables.run(`update gift_claim set note = 'short' where id = 2`);
      await refused;
      await client.query('commit');
    });
    expect((await plan())[0]).toEqual(stamp);
    await runSteps(await plan());
    expect(await problems()).toEqual([]);
  });
});

describe('what is there already', () => {
  it('is left out, and each step may be run again', async () => {
    await tables.run(giftTableSql + giftRowsSql(100));
    const steps = await plan();
    await runSteps(steps);
    await runSteps(steps);
    expect(await problems()).toEqual([]);
    await tables.run('drop trigger stamp_change on gift_claim');
    expect(statementsOf(await plan())).toEqual([
      `set local lock_timeout = '2s'`,
      expect.stringMatching(/^create or replace trigger stamp_change/),
      'alter table public.gift_claim enable always trigger stamp_change',
    ]);
    await runSteps(await plan());
    expect(await problems()).toEqual([]);
  });

  it('but is not valid, is dropped and built anew', async () => {
    await tables.run(giftTableSql + giftRowsSql(100));
    await runSteps(await plan());
    const index = (await look()).measures.index;
    await tables.run(`update pg_index set indisvalid = false where indexrelid = '${index}'::regclass`);
    expect(statementsOf(await plan())).toContain(`drop index concurrently if exists public."${index}"`);
    await runSteps(await plan());
    expect(await problems()).toEqual([]);
  });

  it('but may be null, is filled in by batches and declared without a scan under a lock', async () => {
    await tables.run(`${giftTableSql} alter table gift_claim add change_xid xid8; ${giftRowsSql(25_000)}`);
    expect(await problems()).not.toEqual([]);
    await runSteps(await plan());
    expect(await problems()).toEqual([]);
    expect(await one('select count(distinct change_xid)::int as value from gift_claim')).toBe(3);
    expect(
      await one(`select count(*)::int as value from pg_constraint where conname = 'reconciler_not_null'`),
    ).toBe(0);
    expect(await plan()).toEqual([]);
  });

  it('and empty, needs no row to be filled in', async () => {
    await tables.run(`${giftTableSql} alter table gift_claim add change_xid xid8`);
    await runSteps(await plan());
    expect(await problems()).toEqual([]);
  });

  it('without an index that tells rows apart, gets one', async () => {
    await tables.run(`create table gift_claim (id bigint, uid bigint not null, attempt_id text not null,
      status text not null, expires_at timestamptz not null);
      insert into gift_claim select n, n, n, 'granted', now() from generate_series(1, 50) n;`);
    await runSteps(await plan());
    expect(await problems()).toEqual([]);
  });
});

describe('an application that has its own names', () => {
  const filledIn = async (name: string, id: string, more: string): Promise<unknown> => {
    const table = escapeIdentifier(name);
    await tables.run(`create table ${table} (${escapeIdentifier(id)} bigint primary key, change_xid xid8${more});
      insert into ${table} select n from generate_series(1, 12000) n`);
    const looked = await onClient(async (client) => lookAtTable(client, { schema: 'public', name }, id));
    await runSteps(planMigration(looked, id));
    const ids = await one(
      `select count(distinct change_xid)::int as value from ${table} having bool_and(change_xid is not null)`,
    );
    await tables.run(`drop table ${table}`);
    return ids;
  };

  it.each([
    ['gift_claim', 'first', ''],
    ['gift_claim', 'id', ', first int, last int'],
    ['a$$b', 'id', ''],
    ['gift_claim', `it's "odd" $$\n\\`, ''],
  ])('has rows filled in: %j, %j%s', async (name, id, more) => {
    expect(await filledIn(name, id, more)).toBe(2);
  });

  it('keeps its own trigger of our name', async () => {
    await tables.run(`${giftTableSql} ${giftRowsSql(1)}
      create or replace function mark() returns trigger language plpgsql as 'begin new.note := ''seen''; return new; end';
      create trigger stamp_change before update on gift_claim for each row execute function mark();`);
    const steps = await plan();
    await runSteps(steps);
    await runSteps(steps);
    expect(await problems()).toEqual([]);
    await tables.run(`update gift_claim set status = 'granted'`);
    expect(await one('select note as value from gift_claim')).toBe('seen');
  });

  it('and ids that are not unique, is left no broken index, and gets one when they are', async () => {
    await tables.run(`create table gift_claim (id bigint not null, uid bigint not null, attempt_id text not null,
      status text not null, expires_at timestamptz not null);
      insert into gift_claim select n % 40, n, n, 'granted', now() from generate_series(1, 50) n;`);
    await expect(runSteps(await plan())).rejects.toMatchObject({ code: '23505' });
    await tables.run('delete from gift_claim where uid > 40');
    const steps = await plan();
    await runSteps(steps);
    await runSteps(steps);
    expect(await problems()).toEqual([]);
    const indexes = await one(
      `select count(*)::int as value from pg_index where indrelid = 'gift_claim'::regclass`,
    );
    expect(indexes).toBe(2);
  });
});

describe('a partitioned table', () => {
  const partitioned = (
    more = '',
  ): string => `create table gift_claim (id bigint not null, uid bigint not null,
      attempt_id text not null, status text not null, expires_at timestamptz not null, primary key (id)) partition by range (id);
    create table gift_claim_1 partition of gift_claim for values from (1) to (1000);
    create table gift_claim_2 partition of gift_claim for values from (1000) to (2000) ${more};
    insert into gift_claim select n, n, n, 'granted', now() from generate_series(1, 999) n;`;

  it('gets its index partition by partition, and its trigger on each', async () => {
    await tables.run(partitioned());
    const steps = await plan();
    expect(
      statementsOf(steps).filter((statement) => statement.startsWith('create index concurrently')),
    ).toHaveLength(2);
    await runSteps(steps);
    await runSteps(steps);
    expect(await problems()).toEqual([]);
    expect(await plan()).toEqual([]);
    await tables.run(`insert into gift_claim values (1500, 1, 1, 'granted', now())`);
    expect(await one('select count(distinct change_xid)::int as value from gift_claim')).toBe(2);
  });

  it('goes on where the build of one partition was cut off', async () => {
    await tables.run(partitioned());
    const steps = await plan();
    await runSteps(steps.slice(0, 2));
    const { partitions } = (await look()).measures;
    const index = partitions[0]?.index ?? '';
    await tables.run(`create index concurrently ${index} on gift_claim_1 (change_xid, id)`);
    await tables.run(`update pg_index set indisvalid = false where indexrelid = '${index}'::regclass`);
    expect(statementsOf(await plan())).toContain(`drop index concurrently if exists public.${index}`);
    await runSteps(await plan());
    expect(await problems()).toEqual([]);
  });

  it('whose partitions have partitions is told that its index makes writers wait', async () => {
    await tables.run(`${partitioned('partition by range (id)')}
      create table gift_claim_2a partition of gift_claim_2 for values from (1000) to (2000);`);
    const steps = await plan();
    expect(steps.map(({ lock }) => lock).join('\n')).toContain('WRITERS WAIT UNTIL IT IS BUILT');
    await runSteps(steps);
    expect(await problems()).toEqual([]);
  });

  it('may be adopted by one of its partitions: the column comes with the whole table', async () => {
    await tables.run(partitioned());
    const looked = await onClient(async (client) =>
      lookAtTable(client, { schema: 'public', name: 'gift_claim_1' }, 'id'),
    );
    const steps = planMigration(looked, 'id');
    expect(steps[0]?.lock).toContain('ACCESS EXCLUSIVE on public.gift_claim and all its partitions');
    await runSteps(steps);
    const source = { ...shopSource(), table: { schema: 'public', name: 'gift_claim_1' } };
    expect((await inspectTable(tables.pool(), source)).problems).toEqual([]);
  });
});
