/**
 * Checking a source against its live table, on a real server: tables that are right, names that are not there, and an
 * application's table as it is found. What can be wrong with the parts of a table has test files of its own.
 */
import { describe, expect, it } from 'vitest';
import { inspectTable } from '../../src/postgres/inspect-table.ts';
import { describeSource } from '../../src/postgres/source-sql.ts';
import { createDatabase } from '../support/database.ts';
import { remedies, shopSource, useShop, type Changes } from './shop-table.ts';

const shop = useShop();
const { run, inspect, createTable, createRightTable } = shop;

describe('a table that is right', () => {
  it('has no problems and no warnings, and tells its oid and the type of its ids', async () => {
    await createRightTable();
    const { rows } = await shop
      .pool()
      .query<{ oid: string }>("select 'shop.gift_claim'::regclass::oid::text as oid");
    expect(await inspect()).toEqual({
      problems: [],
      warnings: [],
      idType: 'bigint',
      positionType: 'text',
      attemptIsUnique: true,
      tableOid: rows[0]?.oid,
    });
  });

  it.each(['uuid', 'text', 'varchar(40)', 'char(8)', 'numeric(20,0)', 'shop.code', 'shop.size'])(
    'may have ids of type %s, which text can be cast back to without loss',
    async (type) => {
      await run("create domain shop.code as varchar(20); create type shop.size as enum ('small', 'large');");
      await createRightTable({ id: `${type} primary key` });
      const { problems, idType } = await inspect();
      expect(problems).toEqual([]);
      const id = { uuid: '5d1e0a52-0ef4-4e57-9a2c-6d4c53e9b4a1', 'shop.size': 'large' }[type] ?? '20261121';
      await run(`insert into shop.gift_claim values ('${id}', 1, 'a', 'granted', now() + interval '1 day');`);
      const { id: column } = describeSource(shopSource(), idType);
      const { rowCount } = await shop
        .pool()
        .query(`select from shop.gift_claim where ${column} = any($1::text[]::${idType}[])`, [[id]]);
      expect(rowCount).toBe(1);
    },
  );

  it('may have names that must be quoted, and its statements quote them', async () => {
    await run(
      'create table shop."Gift$Claim" ("Id" bigint primary key, uid bigint, "order" text unique, ' +
        'status text, "At" timestamptz)',
    );
    const changes: Changes = {
      table: 'Gift$Claim',
      columns: { id: 'Id', attempt: 'order', expiry: { createdAt: 'At', ttlMs: 30_000 } },
      value: '{order}',
    };
    const before = await inspect(changes);
    expect(before.problems).toHaveLength(3);
    for (const statement of remedies(before)) await run(statement);
    expect((await inspect(changes)).problems).toEqual([]);
  });

  it('may be partitioned, with trigger and index on the parent', async () => {
    await createTable(
      { id: 'bigint not null', attempt_id: 'text not null', expires_at: 'timestamptz not null' },
      'partition by range (id)',
    );
    await run(`create table shop.first partition of shop.gift_claim for values from (0) to (100);
      create table shop.second partition of shop.gift_claim default;`);
    const before = await inspect();
    expect(before.problems).toHaveLength(3);
    for (const statement of remedies(before)) await run(statement);
    // No index can make sure that attempts are unique over all partitions.
    expect(await inspect()).toMatchObject({
      problems: [],
      warnings: [expect.stringContaining('valueIsUnique')],
    });
    await run('alter table shop.second disable trigger stamp_change');
    expect((await inspect()).problems).toEqual([
      'the trigger stamp_change is off or does not always fire on shop.second; run: alter table shop.gift_claim enable always trigger stamp_change;',
    ]);
    for (const statement of remedies(await inspect())) await run(statement);
    expect((await inspect()).problems).toEqual([]);
  });
});

describe('a name that is not there', () => {
  it('is told with the table that was probably meant, also in another schema', async () => {
    await createRightTable();
    expect((await inspect({ table: 'gift_claims' })).problems).toEqual([
      'there is no table shop.gift_claims in this database; did you mean shop.gift_claim?',
    ]);
    const elsewhere = { ...shopSource(), table: { schema: 'public', name: 'gift_claim' } };
    expect(await inspectTable(shop.pool(), elsewhere)).toEqual({
      problems: ['there is no table public.gift_claim in this database; did you mean shop.gift_claim?'],
      warnings: [],
      idType: 'text',
      positionType: 'text',
      attemptIsUnique: false,
      tableOid: '',
    });
    const nowhere = { ...shopSource(), table: { schema: 'shopp', name: 'orders' } };
    expect((await inspectTable(shop.pool(), nowhere)).problems).toEqual([
      'there is no schema shopp in this database',
    ]);
  });

  it('is told for every column at once, with the key that names it', async () => {
    await createRightTable();
    const { problems } = await inspect({
      columns: { attempt: 'atempt_id', expiry: { expiresAt: 'expiry' } },
      key: 'gift:{activity_id}:{u_id}',
    });
    const had = 'id, uid, attempt_id, status, expires_at, change_xid';
    expect(problems).toEqual([
      `shop.gift_claim has no column atempt_id (columns.attempt); did you mean attempt_id? It has ${had}`,
      `shop.gift_claim has no column expiry (columns.expiresAt); it has ${had}`,
      `shop.gift_claim has no column activity_id (marker.key); it has ${had}`,
      `shop.gift_claim has no column u_id (marker.key); did you mean uid? It has ${had}`,
    ]);
  });

  it.each([
    ['a view', 'create view shop.claims as select * from shop.gift_claim'],
    ['a materialised view', 'create materialized view shop.claims as select * from shop.gift_claim'],
  ])('is refused when it is %s', async (kind, sql) => {
    await createRightTable();
    await run(sql);
    expect((await inspect({ table: 'claims' })).problems).toEqual([
      `shop.claims is ${kind}: name the table behind it, whose rows a trigger can stamp`,
    ]);
  });
});

describe('a table as an application has it', () => {
  it('gets all statements at once, which make it right', async () => {
    await run(`create table shop.gift_claim (id bigint primary key, uid bigint, attempt_id text unique, status text,
      expires_at timestamptz)`);
    const before = await inspect();
    expect(before.problems).toHaveLength(3);
    for (const statement of remedies(before)) await run(statement);
    expect(await inspect()).toMatchObject({ problems: [], warnings: [] });
  });

  it('is told to migrate first when the trigger function is not there', async () => {
    const other = await createDatabase();
    try {
      await other.pool
        .query(`create schema shop; create table shop.gift_claim (id bigint primary key, uid bigint,
        attempt_id text, status text, expires_at timestamptz, change_xid xid8 not null)`);
      const { problems } = await inspectTable(other.pool, shopSource());
      expect(problems.join('\n')).toContain(
        'after claim-reconciler migrate run: create trigger stamp_change',
      );
    } finally {
      await other.drop();
    }
  });
});
