/**
 * The claim table that the inspection tests look at: right in every way, but for what a test changes.
 * Each test file has a database of its own; each test begins with an empty schema `shop`.
 */
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { ClaimPosition, Source } from '../../src/domain/source.ts';
import { parseTemplate } from '../../src/domain/template.ts';
import { defaultPolicy } from '../../src/domain/verdict.ts';
import { inspectTable, type TableInspection } from '../../src/postgres/inspect-table.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

export interface Changes {
  readonly table?: string;
  readonly columns?: Partial<Source['columns']>;
  /** In place of the stamped column. */
  readonly position?: ClaimPosition;
  readonly key?: string;
  readonly value?: string | null;
  readonly statuses?: Partial<Source['statuses']>;
}

type Columns = Readonly<Record<string, string>>;

export interface Shop {
  readonly pool: () => pg.Pool;
  readonly run: (sql: string) => Promise<void>;
  /** The table without trigger and index; `columns` replace or add to the right ones. */
  readonly createTable: (columns?: Columns, after?: string) => Promise<void>;
  readonly createRightTable: (columns?: Columns, after?: string) => Promise<void>;
  readonly inspect: (changes?: Changes) => Promise<TableInspection>;
  /** As a role that may connect and nothing else but what `grants` gives it; the statements may say ROLE. */
  readonly inspectAs: (grants: string, changes?: Changes) => Promise<TableInspection>;
}

const stamped = `
  create trigger stamp_change before insert or update on shop.gift_claim
    for each row execute function reconciler.stamp_change();
  alter table shop.gift_claim enable always trigger stamp_change;`;
const indexed = 'create index gift_claim_change on shop.gift_claim (change_xid, id);';

const rightColumns: Columns = {
  id: 'bigint generated always as identity primary key',
  uid: 'bigint not null',
  attempt_id: 'text not null unique',
  status: 'text not null',
  expires_at: 'timestamptz not null',
  change_xid: 'xid8 not null default pg_current_xact_id()',
};

/** To be called once at the top of a test file. */
export function useShop(): Shop {
  let database: TestDatabase;
  // Roles belong to the whole server.
  const role = `clerk_${randomBytes(6).toString('hex')}`;
  const run = async (sql: string): Promise<void> => {
    await database.pool.query(sql);
  };
  const createTable = async (columns: Columns = {}, after = ''): Promise<void> => {
    const list = Object.entries({ ...rightColumns, ...columns }).map(([name, type]) => `${name} ${type}`);
    await run(`create table shop.gift_claim (${list.join(', ')}) ${after};`);
  };
  beforeAll(async () => {
    database = await createDatabase();
    await migrate(database.pool);
    await run(`create role ${role}`);
  });
  beforeEach(async () => {
    await run(`drop schema if exists shop cascade; create schema shop;
      drop owned by ${role}; alter role ${role} nobypassrls;`);
  });
  afterAll(async () => {
    await run(`drop owned by ${role}; drop role ${role};`);
    await database.drop();
  });
  return {
    pool: () => database.pool,
    run,
    createTable,
    createRightTable: async (columns, after) => {
      await createTable(columns, after);
      await run(stamped + indexed);
    },
    inspect: async (changes) => inspectTable(database.pool, shopSource(changes)),
    inspectAs: async (grants, changes) => {
      await run(grants.replaceAll('ROLE', role));
      const client = await database.pool.connect();
      try {
        await client.query(`set role ${role}`);
        const found = await inspectTable(client, shopSource(changes));
        const named = (lines: readonly string[]): string[] =>
          lines.map((line) => line.replaceAll(role, 'ROLE'));
        return { ...found, problems: named(found.problems), warnings: named(found.warnings) };
      } finally {
        client.release(true);
      }
    },
  };
}

export function shopSource(changes: Changes = {}): Source {
  const value = changes.value === undefined ? '{attempt_id}' : changes.value;
  return {
    name: 'gifts',
    table: { schema: 'shop', name: changes.table ?? 'gift_claim' },
    columns: {
      id: 'id',
      attempt: 'attempt_id',
      status: 'status',
      change: changes.position === undefined ? 'change_xid' : null,
      expiry: { expiresAt: 'expires_at' },
      ...changes.columns,
    },
    ...(changes.position === undefined ? {} : { position: changes.position }),
    marker: {
      key: parseTemplate(changes.key ?? 'gift:{uid}'),
      value: value === null ? null : parseTemplate(value),
    },
    statuses: { pending: ['pending'], granted: ['granted'], released: ['failed'], ...changes.statuses },
    rules: {
      mode: 'observe',
      policy: defaultPolicy,
      toleranceMs: 60_000,
      valueNamesAttempt: value !== null,
      graceMs: 60_000,
      brake: { repairsPerPlan: 500, repairsPerHour: 2_000, share: 0.05, shareSample: 200 },
      notGranted: 'grant',
    },
    distributor: null,
    schedule: '*/10 * * * * *',
    rewindMs: 3_600_000,
  };
}

/** The statements that the problems say to run. */
export function remedies({ problems }: TableInspection): string[] {
  return problems.flatMap((problem) => /run: (.*;)$/.exec(problem)?.[1] ?? []);
}
