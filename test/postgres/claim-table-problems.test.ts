/**
 * Tables that the gate must not write, on a real server: each fault is told with what makes it right.
 */
import { describe, expect, it } from 'vitest';
import { inspectTable } from '../../src/postgres/inspect-table.ts';
import { problemsIn, useGateShop } from './gate-table.ts';
import { shopSource, type Changes } from './shop-table.ts';

const shop = useGateShop();
const { run, createGateTable, createTable, problemsOf, putRight } = shop;

const create = `run: create unique index concurrently on shop.gift_claim ("uid") where "status" in ('pending', 'granted');`;
const noIndex = (why: string): string =>
  `shop.gift_claim has no unique index over the live claims of one marker${why}, and without it two could be granted; ${create}`;

describe('an index over live claims', () => {
  it.each<[string, string, string]>([
    ['there is none', '', ''],
    ['it is over another column', 'create unique index on shop.gift_claim (attempt_id, uid)', ''],
    ['it is not unique', 'create index on shop.gift_claim (uid)', ''],
    ['it is over an expression', 'create unique index on shop.gift_claim (abs(uid))', ''],
    [
      'it leaves out a live status',
      `create unique index live on shop.gift_claim (uid) where status = 'granted'`,
      ' (live leaves out claims whose status is pending)',
    ],
    [
      'it leaves out all but one status',
      `create unique index live on shop.gift_claim (uid) where status = 'failed'`,
      ' (live leaves out claims whose status is pending, granted)',
    ],
    [
      'its condition is unknown for a live status',
      `create unique index live on shop.gift_claim (uid) where nullif(status, 'pending') <> 'failed'`,
      ' (live leaves out claims whose status is pending)',
    ],
    [
      'it depends on another column',
      `create unique index live on shop.gift_claim (uid) where status <> 'failed' and deleted_at is null`,
      " (the condition of live, ((status <> 'failed'::text) AND (deleted_at IS NULL)), depends on more than the status, or cannot be evaluated)",
    ],
    [
      'it depends on a column whose name means something in the check',
      'create unique index live on shop.gift_claim (uid) where word is not null and live is not null and claim',
      ' (the condition of live, ((word IS NOT NULL) AND (live IS NOT NULL) AND claim), depends on more than the status, or cannot be evaluated)',
    ],
    [
      'it is checked late',
      'alter table shop.gift_claim add constraint live unique (uid) deferrable initially deferred',
      ' (live is checked at the end of a transaction only)',
    ],
  ])('is missing when %s', async (_what, index, why) => {
    await createGateTable({ deleted_at: 'timestamptz', word: 'text', live: 'text', claim: 'boolean' }, index);
    expect(await problemsOf()).toEqual([noIndex(why)]);
    expect(await putRight()).toEqual([]);
  });

  it('is missing while its build has failed', async () => {
    await createGateTable({}, '');
    await run(`insert into shop.gift_claim (uid, attempt_id, status, expires_at) values
      (1, 'a', 'granted', now()), (1, 'b', 'granted', now())`);
    const build = `create unique index concurrently live on shop.gift_claim (uid) where status in ('pending', 'granted')`;
    await expect(run(build)).rejects.toThrow('could not create unique index');
    expect(await problemsOf()).toEqual([
      noIndex(' (live is not valid (its build failed or has not ended; drop it))'),
    ]);
  });

  it.each([
    `create unique index on shop.gift_claim (uid)`,
    `create unique index on shop.gift_claim (uid) include (note)`,
    `create unique index on shop.gift_claim (uid) where status <> 'failed'`,
    `create unique index on shop.gift_claim (uid) where lower(status) <> 'FAILED' and length(status) > 3`,
    `create unique index on shop.gift_claim (uid) where status is not null`,
    `create unique index a on shop.gift_claim (uid) where status = 'granted';
     create unique index b on shop.gift_claim (uid) where status in ('granted', 'pending')`,
  ])('may be written in many ways: %s', async (index) => {
    await createGateTable({ note: 'text' }, index);
    expect(await problemsOf()).toEqual([]);
  });

  it.each<[string, NonNullable<Changes['statuses']>]>([
    ["shop.state not null default 'new'", { pending: ['new'], granted: ['had'], released: ['gone'] }],
    ['smallint not null', { pending: ['0'], granted: ['1', '2'], released: ['9'] }],
    ['boolean', { pending: ['false'], granted: ['true'], released: ['true'] }],
  ])('is told for a status of type %s, and verified in that type', async (type, statuses) => {
    await run("create type shop.state as enum ('new', 'had', 'gone')");
    await createGateTable({ status: type }, '');
    expect(await problemsOf({ statuses })).toHaveLength(1);
    expect(await putRight({ statuses })).toEqual([]);
  });

  it('says nothing while a word of the mapping is none of the column', async () => {
    await run("create type shop.state as enum ('new', 'had', 'gone')");
    await createGateTable({ status: 'shop.state not null' }, '');
    expect(
      await problemsOf({ statuses: { pending: ['new'], granted: ['hat'], released: ['gone'] } }),
    ).toEqual([expect.stringContaining('has no value "hat" (statuses.granted); did you mean had?')]);
  });

  it('takes no two nulls for equal, unless it is told to', async () => {
    await createGateTable(
      { uid: 'bigint', shop_id: 'int' },
      'create unique index on shop.gift_claim (uid, shop_id)',
    );
    const changes = { key: 'gift:{shop_id}:{uid}' };
    expect(await problemsOf(changes)).toEqual([
      'shop_id, uid of shop.gift_claim (marker.key) may be null, and a unique index takes no two nulls for equal; run: alter table shop.gift_claim alter column "shop_id" set not null, alter column "uid" set not null;',
    ]);
    await run('create unique index on shop.gift_claim (shop_id, uid) nulls not distinct');
    expect(await problemsOf(changes)).toHaveLength(1);
    await run('drop index shop.gift_claim_uid_shop_id_idx');
    expect(await problemsOf(changes)).toEqual([]);
  });

  it('has a condition that is evaluated, and cannot write', async () => {
    await run(`create table shop.seen (word text);
      create function shop.see(word text) returns void language sql as 'insert into shop.seen values (word)';
      create function shop.is_live(word text) returns boolean language plpgsql immutable as
        $$ begin perform shop.see(word); return true; end $$`);
    await createGateTable({}, 'create unique index live on shop.gift_claim (uid) where shop.is_live(status)');
    expect(await problemsOf()).toEqual([expect.stringContaining('cannot be evaluated')]);
    expect((await shop.pool().query('select from shop.seen')).rowCount).toBe(0);
    // The connection writes again.
    await run("insert into shop.seen values ('x')");
  });

  it('cannot be had over partitions by another column', async () => {
    await createTable({ id: 'bigint not null', attempt_id: 'text not null' }, 'partition by range (id)');
    await run('create table shop.first partition of shop.gift_claim for values from (0) to (100)');
    const told = await problemsOf();
    expect(
      told.filter((problem) => problem.includes('name each partition as a source of its own')),
    ).toHaveLength(3);
  });
});

describe('the attempt', () => {
  it('must not be made by Postgres', async () => {
    await createGateTable();
    expect(await problemsOf({ columns: { attempt: 'id' }, value: null })).toEqual([
      'the column id (columns.attempt) is made by Postgres when the row is written, but an attempt is chosen before: add a column for it, such as alter table shop.gift_claim add column attempt_id uuid not null default gen_random_uuid() unique; and name it as columns.attempt',
    ]);
  });

  it.each(['bigint', 'varchar(40)[]', 'shop.size'])('must not be of type %s', async (type) => {
    await run("create type shop.size as enum ('S', 'L')");
    await createGateTable({ attempt_id: `${type} not null unique` });
    expect(await problemsOf({ value: null })).toEqual([
      expect.stringMatching(
        /^the column attempt_id \(columns\.attempt\) is of type .*, and must be text or uuid/,
      ),
    ]);
  });

  it.each(['uuid', 'varchar(80)', 'text'])('may be a %s, with a unique index of its own', async (type) => {
    await createGateTable({ attempt_id: `${type} not null` });
    await run(
      'create unique index on shop.gift_claim (attempt_id, uid); create index on shop.gift_claim (attempt_id)',
    );
    expect(await problemsOf()).toEqual([
      'the column attempt_id (columns.attempt) has no unique index of its own, by which an attempt is found and cannot be written twice; run: create unique index concurrently on shop.gift_claim ("attempt_id");',
    ]);
    expect(await putRight()).toEqual([]);
  });
});

describe('what the gate writes', () => {
  it('needs a word for each status', async () => {
    await createGateTable({}, `create unique index on shop.gift_claim (uid) where status = 'granted'`);
    expect(await problemsOf({ statuses: { pending: [], granted: ['granted'], released: [] } })).toEqual([
      'statuses.pending names no word, and the gate writes the first of each: name at least one',
      'statuses.released names no word, and the gate writes the first of each: name at least one',
    ]);
  });

  it.each(['numeric', 'char(8)', 'date', 'timestamptz', 'jsonb', 'bigint[]', 'shop.amount', 'name'])(
    'is no key of type %s, whose text it cannot know',
    async (type) => {
      await run('create domain shop.amount as numeric');
      await createGateTable({ part: `${type} not null` }, 'create unique index on shop.gift_claim (part)');
      expect(await problemsOf({ key: 'gift:{part}' })).toEqual([
        expect.stringMatching(
          /^the column part \(marker\.key\) is of type .*cannot know how Postgres will print/,
        ),
      ]);
    },
  );

  it.each([
    'smallint',
    'integer',
    'bigint',
    'uuid',
    'boolean',
    'text',
    'varchar(8)',
    'shop.size',
    'shop.code',
  ])('may be a key of type %s', async (type) => {
    await run("create type shop.size as enum ('S', 'L'); create domain shop.code as varchar(20);");
    await createGateTable({ part: `${type} not null` }, 'create unique index on shop.gift_claim (part)');
    expect(await problemsOf({ key: 'gift:{part}', value: '{part}' })).toEqual([]);
  });

  it('is neither what Postgres makes, nor what changes while the marker stays', async () => {
    await createGateTable({}, 'create unique index on shop.gift_claim (id, status)');
    expect(await problemsOf({ key: '{id}:{status}', value: '{change_xid}:{id}' })).toEqual([
      'the column id (marker.key) is made by Postgres when the row is written, but the gate has to give it: name another',
      'the column status (marker.key) changes while the marker stays as it was: name another',
      'the column change_xid (marker.value) changes while the marker stays as it was: name another',
      'the column id (marker.value) is made by Postgres when the row is written, but the gate has to give it: name another',
    ]);
  });

  it('is not one key for two claims', async () => {
    await createGateTable(
      { gift_id: 'bigint not null' },
      'create unique index on shop.gift_claim (uid, gift_id)',
    );
    expect(await problemsOf({ key: 'gift:{uid}{gift_id}' })).toEqual([
      'marker.key can be the same for two claims: uid "11", gift_id "0" and uid "1", gift_id "10" have the same key "gift:110"; put a text between its columns that their values cannot hold, such as a colon',
    ]);
  });

  it('is told all at once, beside what the mapping gets wrong', async () => {
    await createTable({
      id: 'bigint',
      attempt_id: 'text',
      status: 'text',
      expires_at: 'date',
      change_xid: 'bigint',
    });
    const told = await problemsOf({ key: 'gift:{uid}{u_id}' });
    expect(told.map((problem) => problem.slice(0, 60))).toEqual([
      'shop.gift_claim has no column u_id (marker.key); did you mea',
      'the column id (columns.id) may be null, and such a row would',
      'the column id (columns.id) has no unique index of its own, a',
      'the column change_xid (columns.change) is of type bigint, an',
      'the column expires_at (columns.expiresAt) is of type date, a',
    ]);
    expect(await problemsOf({ table: 'gift_claims' })).toEqual([
      'there is no table shop.gift_claims in this database; did you mean shop.gift_claim?',
    ]);
  });
});

describe('check, of a source whose distributor can be asked', () => {
  const distributor = { kind: 'module', file: './distributor.ts', timeoutMs: 3_000 } as const;
  const own =
    'grant usage on schema reconciler to ROLE; grant select, insert, update, delete on all tables in schema reconciler to ROLE;';

  it('warns of a missing index over live claims', async () => {
    await createGateTable({}, '');
    expect(await inspectTable(shop.pool(), { ...shopSource(), distributor })).toMatchObject({
      problems: [],
      warnings: [noIndex('')],
    });
    expect(await inspectTable(shop.pool(), shopSource())).toMatchObject({ problems: [], warnings: [] });
    await run(create.slice('run: '.length));
    expect(await inspectTable(shop.pool(), { ...shopSource(), distributor })).toMatchObject({ warnings: [] });
  });

  it('tells the role what it needs to settle and write claims, but to insert where it never can', async () => {
    await createGateTable({ secret: 'text' });
    const pool = await shop.poolAs(
      `grant usage on schema shop to ROLE; ${own} grant select (id, uid, attempt_id, status, expires_at, change_xid)
       on shop.gift_claim to ROLE;`,
    );
    const told = async (changes: Changes = {}): Promise<string[]> => {
      const { problems } = await inspectTable(pool, { ...shopSource(changes), distributor });
      return problems.map((problem) => problem.replaceAll(shop.role, 'ROLE'));
    };
    const rest = [
      'the role ROLE may not read secret of shop.gift_claim; run: grant select on shop.gift_claim to ROLE;',
      'the role ROLE may not update status of shop.gift_claim; run: grant update ("status") on shop.gift_claim to ROLE;',
    ];
    const insert =
      'the role ROLE may not insert uid, attempt_id, status, expires_at into shop.gift_claim; run: grant insert on shop.gift_claim to ROLE;';
    expect(await told()).toEqual([rest[0], insert, rest[1]]);
    expect(await told({ columns: { attempt: 'id' }, value: null })).toEqual(rest);
    expect((await inspectTable(pool, shopSource())).problems).toEqual([]);
    expect(await problemsIn(pool, shopSource())).toHaveLength(3);
  });
});
