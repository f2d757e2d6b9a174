/**
 * `adopt` on real tables: what it proposes, what it leaves to a person, and that the proposal loads.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config.ts';
import { giftMarkersSql, giftRowsSql, giftTableSql, useAdoptedTables } from './support/adopted-tables.ts';
import { useProgram, type Ran } from './support/program.ts';

const tables = useAdoptedTables();
const program = useProgram();

interface Adopted {
  readonly config: string;
  readonly sql: string;
  readonly undecided: readonly string[];
  readonly evidence: readonly string[];
  readonly table: { readonly name: string; readonly rows: number; readonly partitions: number };
  readonly steps: readonly { readonly title: string; readonly statements: readonly string[] }[];
}

beforeEach(async () => tables.run('create schema if not exists shop'));

afterEach(async () => {
  await tables.run('drop schema shop cascade; drop table if exists gift_claim, order_grab, seat cascade');
  await tables.redis().flushdb();
});

async function adopt(args: readonly string[], env: NodeJS.ProcessEnv = tables.env()): Promise<Adopted> {
  const ran = await program.run(['adopt', ...args, '--json'], { env });
  expect(ran).toMatchObject({ code: 0, err: [] });
  return ran.json() as Adopted;
}

/** The keys of the configuration that a person is asked about, but for the mode, which always is asked about. */
function open({ undecided }: Adopted): string[] {
  expect(undecided.some((line) => line.startsWith('mode: observe is proposed'))).toBe(true);
  return undecided.map((line) => line.slice(0, line.indexOf(':'))).filter((key) => key !== 'mode');
}

function sourceIn({ config }: Adopted): unknown {
  const { sources }: { sources: Record<string, unknown> } = parse(config);
  return Object.values(sources)[0];
}

const giftMarker = { key: 'gift:{activity_id}:{gift_id}:{uid}', value: '{attempt_id}' };

describe('a table with markers', () => {
  beforeEach(async () => {
    await tables.run(giftTableSql + giftRowsSql(500));
    await tables.setMarkers(giftMarkersSql);
  });

  it('is proposed as a source that loads, with nothing left open', async () => {
    const adopted = await adopt(['--table', 'gift_claim', '--key', 'gift:8:1:100001']);
    expect(sourceIn(adopted)).toEqual({
      table: 'public.gift_claim',
      columns: { id: 'id', attempt: 'attempt_id', status: 'status', expiresAt: 'expires_at' },
      marker: giftMarker,
      statuses: { pending: ['pending'], granted: ['granted'], released: ['failed'] },
      mode: 'observe',
      grace: '1m',
    });
    expect(open(adopted)).toEqual([]);
    expect(adopted.evidence[0]).toMatch(/^marker\.key: 19\d of 200 rows/);
    const path = await program.write('gifts.yaml', adopted.config);
    const { sources, warnings } = await loadConfig({ path, env: tables.env(), cwd: program.folder() });
    expect(sources.map(({ name, rules }) => [name, rules.mode])).toEqual([['gift_claim', 'observe']]);
    expect(warnings).toEqual([]);
  });

  it('that may not be altered is proposed as it is, by a column of its own', async () => {
    const args = ['--table', 'gift_claim', '--key', 'gift:8:1:100001', '--no-alter'];
    const byId = await adopt(args);
    expect(sourceIn(byId)).toMatchObject({ position: { column: 'id', overlap: '?' } });
    expect(byId.steps).toEqual([]);
    await tables.run(`alter table gift_claim add updated_at timestamptz not null default now();
      create index on gift_claim (updated_at, id);`);
    const adopted = await adopt(args);
    expect(sourceIn(adopted)).toMatchObject({ position: { column: 'updated_at', overlap: '10m' } });
    expect(open(adopted)).toEqual(['position']);
    const path = await program.write('gifts.yaml', adopted.config);
    const { sources } = await loadConfig({ path, env: tables.env(), cwd: program.folder() });
    expect(sources[0]).toMatchObject({ columns: { change: null }, position: { column: 'updated_at' } });
    const { out } = await program.run(['adopt', ...args], { env: tables.env() });
    expect(out).toContain('The table stays as it is.');
  });

  it('is proposed whatever digits and signs a marker holds', async () => {
    const key = 'gift:8:1:100001';
    for (const value of ['a-40692042655', 'a-99999999999999999999', 'a:\u0000']) {
      await tables.redis().set(key, value);
      expect(sourceIn(await adopt(['--table', 'gift_claim', '--key', key]))).toMatchObject({
        marker: giftMarker,
      });
    }
  });

  it('is told as text, with the migration and what comes next', async () => {
    const { code, out } = await program.run(['adopt', '--table', 'gift_claim', '--key', 'gift:8:1:100001'], {
      env: tables.env(),
    });
    expect(code).toBe(0);
    const text = out.join('\n');
    expect(text).toContain('public.gift_claim: about 500 rows');
    expect(text).toContain('add column if not exists change_xid xid8 not null default pg_current_xact_id();');
    expect(text).toContain('-- Lock: ACCESS EXCLUSIVE on public.gift_claim: readers and writers wait.');
    expect(text).toContain('-- First, for the function that the trigger calls: claim-reconciler migrate');
    expect(out.slice(-4)).toEqual([
      '  claim-reconciler migrate',
      '  psql "$DATABASE_URL" -f adopt.sql',
      '  claim-reconciler check',
      '  claim-reconciler reconcile --source gift_claim',
    ]);
  });

  it('is not changed, nor is anything else in the database', async () => {
    const state = async (): Promise<unknown> => {
      const { rows } = await tables.pool().query(
        `select (select jsonb_agg(c.relname || c.relfilenode order by 1) from pg_class c where c.relnamespace = 'public'::regnamespace) as all,
          (select count(*) from pg_trigger) as triggers, to_regnamespace('reconciler') as own`,
      );
      return rows;
    };
    const before = [await state(), await tables.redis().dbsize()];
    await adopt(['--table', 'gift_claim', '--key', 'gift:8:1:100001']);
    expect([await state(), await tables.redis().dbsize()]).toEqual(before);
  });

  it('is written into files that are asked for, and never over others', async () => {
    const args = ['adopt', '--table', 'gift_claim', '--key', 'gift:8:1:100001', '--config-out', 'new.yaml'];
    expect((await program.run([...args, '--sql-out', 'new.sql'], { env: tables.env() })).code).toBe(0);
    expect(await readFile(join(program.folder(), 'new.sql'), 'utf8')).toMatch(/^\\set ON_ERROR_STOP on\n/);
    const again = await program.run(args, { env: tables.env() });
    expect(again.code).toBe(2);
    expect(again.err.join('\n')).toContain('new.yaml cannot be written');
  });

  it('is found by any example, also of a row far back, and by several', async () => {
    const keys = ['gift:9:2:100002', 'gift:7:3:100003'];
    expect(sourceIn(await adopt(['--table', 'gift_claim', '--key', ...keys]))).toMatchObject({
      marker: giftMarker,
    });
  });

  it('takes the example that tells the most where others do not fit, and says so', async () => {
    const adopted = await adopt(['--table', 'gift_claim', '--key', 'gift:7', '--key', 'gift:8:1:100001']);
    expect(sourceIn(adopted)).toMatchObject({ marker: giftMarker });
    expect(adopted.undecided).toContain(
      'marker.key: the examples do not fit one template; "gift:8:1:100001" alone was believed.',
    );
  });

  it('says when the marker of an example is no string, and what no column explains', async () => {
    await tables.redis().del('gift:8:1:100001');
    await tables.redis().hset('gift:8:1:100001', 'a', 'b');
    const adopted = await adopt(['--table', 'gift_claim', '--key', 'gift:8:1:100001']);
    expect(adopted.undecided.join('\n')).toContain(
      'the marker "gift:8:1:100001": the key holds a hash, not a string.',
    );
    const odd = await adopt(['--table', 'gift_claim', '--key', 'v2:8:1:100001']);
    expect(odd.undecided.join('\n')).toContain(`marker.key: "v2:" is no column's value`);
    expect(odd.undecided.join('\n')).toContain('none of the 200 rows that were tried has a marker under v2:');
  });

  it('leaves open what only markers tell where there is no Redis, and the file is refused until it is filled in', async () => {
    const { DATABASE_URL } = tables.env();
    await tables.run('alter table gift_claim drop column expires_at');
    const adopted = await adopt(['--table', 'gift_claim', '--key', 'gift:8:1:100001'], { DATABASE_URL });
    expect(open(adopted)).toEqual([
      'columns.attempt',
      'marker.ttl',
      'marker.value, marker.ttl',
      'marker.value',
    ]);
    const path = await program.write('open.yaml', adopted.config);
    const refused = loadConfig({ path, env: tables.env(), cwd: program.folder() });
    await expect(refused).rejects.toThrow(/marker\.ttl: must be a duration.*; it is "\?"/);
  });

  it('asks for an example where none is given, and says when no row belongs to one', async () => {
    const none = await adopt(['--table', 'gift_claim']);
    expect(none.undecided.join('\n')).toContain(
      'give the key of a claim as an example: --key gift:7:2:100180',
    );
    const lost = await adopt(['--table', 'gift_claim', '--key', 'gift:777777:x']);
    expect(lost.undecided.join('\n')).toContain('no row was found that "gift:777777:x" could belong to');
  });
});

describe('the whole way', () => {
  it('leads from a table that nobody prepared to a report on each of its rows', async () => {
    await tables.run(giftTableSql + giftRowsSql(500));
    const count = await tables.setMarkers(giftMarkersSql);
    await tables.redis().del('gift:8:1:100001');
    const env = tables.env();
    const adopted = await adopt(['--table', 'gift_claim', '--key', 'gift:9:2:100002']);
    const config = await program.write('whole.yaml', adopted.config.replace('grace: 1m', 'grace: 20ms'));
    expect((await program.run(['migrate', '--config', config], { env })).code).toBe(0);
    expect((await program.run(['check', '--config', config], { env })).code).toBe(2);
    for (const { statements } of adopted.steps) {
      for (const statement of statements) await tables.run(statement);
    }
    const checked = await program.run(['check', '--config', config], { env });
    expect(checked).toMatchObject({ code: 0, out: [expect.stringMatching(/^Ready: /)] });
    const { code, out } = await program.run(['reconcile', '--config', config], { env });
    expect(code).toBe(3);
    expect(out[1]).toBe(`  judged   500: 1 missing_marker, ${500 - 10 - count} in_doubt`);
    const again = await program.run(['adopt', '--table', 'gift_claim', '--key', 'gift:9:2:100002'], { env });
    expect(again.out).toContain('The table has all that is needed already.');
    expect(again.out).not.toContain('  claim-reconciler migrate');
    await tables.run('drop schema reconciler cascade');
  });
});

describe('tables of other shapes', () => {
  it('with a window from the creation on, a constant length, and a value that is no attempt', async () => {
    await tables.run(`create table order_grab (id uuid primary key default gen_random_uuid(), order_id bigint not null,
      driver_id bigint not null, state smallint not null, grabbed_at timestamptz not null);
      create index on order_grab (order_id);
      insert into order_grab (order_id, driver_id, state, grabbed_at)
        select n, 1 + n % 7, 2, clock_timestamp() - n * interval '20 ms' from generate_series(1, 300) n;`);
    await tables.setMarkers(`select 'order:' || order_id as key, driver_id::text as value,
      45000 - (extract(epoch from clock_timestamp() - grabbed_at) * 1000)::bigint as left_ms from order_grab`);
    const adopted = await adopt(['--table', 'order_grab', '--key', 'order:17', '--source', 'grabs']);
    expect(adopted.config).toContain('\n  grabs:\n');
    expect(sourceIn(adopted)).toMatchObject({
      columns: { id: 'id', attempt: 'id', status: 'state', createdAt: 'grabbed_at' },
      marker: { key: 'order:{order_id}', value: '{driver_id}', ttl: '45s' },
      statuses: { granted: '?' },
    });
    expect(open(adopted)).toEqual(['columns.attempt', 'statuses', 'statuses.granted']);
  });

  it('of one activity, some of whose markers are gone: a key that names less than it must finds no more for it', async () => {
    await tables.run(giftTableSql + giftRowsSql(500));
    await tables.run('update gift_claim set activity_id = 7, gift_id = 1');
    await tables.setMarkers(giftMarkersSql);
    for (let uid = 100_400; uid < 100_500; uid += 2) await tables.redis().del(`gift:7:1:${uid}`);
    const adopted = await adopt(['--table', 'gift_claim', '--key', 'gift:7:1:100479']);
    expect(sourceIn(adopted)).toMatchObject({
      marker: { key: expect.stringMatching(/:\{uid\}$/), value: '{attempt_id}' },
    });
  });

  it('with an enum, a text id, hostile names and words', async () => {
    await tables.run(`create type shop.seat_state as enum ('new', 'granted', 'it''s \${HOME}', 'null',
        E'odd\\n    mode: repair');
      create table shop."Seat" (code text primary key, "Hall" text not null, token uuid not null default gen_random_uuid(),
        status shop.seat_state not null default 'granted', valid_until timestamptz not null default now() + interval '1 h');
      insert into shop."Seat" (code, "Hall") select 'S-' || n, 'north' from generate_series(1, 50) n;`);
    await tables.setMarkers(
      `select format('seat:{%s}:%s', "Hall", code) as key, token::text as value, 3600000 as left_ms from shop."Seat"`,
    );
    const keys = ['seat:{north}:S-3'];
    const adopted = await adopt(['--table', 'shop.Seat', '--key', ...keys]);
    expect(sourceIn(adopted)).toMatchObject({
      table: 'shop.Seat',
      columns: { id: 'code', attempt: 'token', expiresAt: 'valid_until' },
      marker: { key: 'seat:{{Hall}}:{code}', value: '{token}' },
      statuses: { pending: ['new'], granted: ['granted'], released: [] },
    });
    expect(adopted.steps[0]?.statements.join('\n')).toContain('alter table shop."Seat" add column');
    const path = await program.write('seat.yaml', adopted.config);
    const { sources } = await loadConfig({ path, env: tables.env(), cwd: program.folder() });
    expect(sources[0]?.rules.mode).toBe('observe');
  });

  it('with an index on the status, whose words are then all known', async () => {
    await tables.run(
      `${giftTableSql}create index on gift_claim (status);${giftRowsSql(300)}
      update gift_claim set status = 'expired' where id = 1;
      vacuum analyze gift_claim`.replace('vacuum analyze', 'analyze'),
    );
    const adopted = await adopt(['--table', 'gift_claim', '--key', 'gift:7:2:100297']);
    expect(sourceIn(adopted)).toMatchObject({ statuses: { released: ['expired', 'failed'] } });
    expect(open(adopted)).not.toContain('statuses');
  });

  it('with no partition yet', async () => {
    await tables.run('create table shop.gift (id bigint primary key, state text) partition by range (id)');
    const { code, out } = await program.run(['adopt', '--table', 'shop.gift'], { env: tables.env() });
    expect([code, out[0]]).toEqual([0, 'shop.gift: about 0 rows, 0 bytes. Nothing was changed.']);
  });

  it('split by something else than an id: each partition is a source of its own', async () => {
    await tables.run(`create table shop.gift (id bigint not null, made date not null, primary key (id, made)) partition by range (made);
      create table shop.gift_1 partition of shop.gift for values from ('2026-01-01') to ('2027-01-01');`);
    const { code, err } = await program.run(['adopt', '--table', 'shop.gift'], { env: tables.env() });
    expect(code).toBe(2);
    expect(err.join('\n')).toContain('claim-reconciler adopt --table shop.gift_1');
  });

  it('that hold something else in change_xid: nothing is proposed that would break it', async () => {
    await tables.run(`${giftTableSql} alter table gift_claim add change_xid text;`);
    const adopted = await adopt(['--table', 'gift_claim']);
    expect(adopted.steps).toEqual([]);
    expect(open(adopted)).toContain('columns.change');
  });
});

describe('what cannot be adopted', () => {
  const failing = async (args: readonly string[], env: NodeJS.ProcessEnv = tables.env()): Promise<Ran> =>
    program.run(['adopt', ...args], { env });

  it.each([
    [
      'a table that is not there',
      'gift_clam',
      /no table public\.gift_clam in this database; did you mean public\.gift_claim\?/,
    ],
    ['a view', 'shop.gifts', /shop\.gifts is no table: name the table behind it/],
    ['no name', 'a.b.c', /--table must be table or schema\.table/],
  ])('%s: exit code 2, and why', async (_, table, words) => {
    await tables.run(`${giftTableSql} create view shop.gifts as select * from gift_claim;`);
    const { code, err } = await failing(['--table', table]);
    expect(code).toBe(2);
    expect(err.join('\n')).toMatch(words);
  });

  it('nothing without a store to look into', async () => {
    const { code, err } = await failing(['--table', 'gift_claim'], {});
    expect(code).toBe(2);
    expect(err.join('\n')).toContain('Set DATABASE_URL to the Postgres that holds it');
  });

  it('nothing while a named Redis does not answer', async () => {
    const env = { ...tables.env(), REDIS_URL: 'redis://127.0.0.1:1/0' };
    await tables.run(giftTableSql);
    const { code, err } = await failing(['--table', 'gift_claim'], env);
    expect(code).toBe(1);
    expect(err.join('\n')).toContain('Redis at 127.0.0.1:1 could not be reached');
  });
});
