/**
 * Each way in which a table could let the reading pass over rows is found on a real server, and what is said puts it
 * right.
 */
import { describe, expect, it } from 'vitest';
import { remedies, useShop } from './shop-table.ts';

const { run, inspect, createTable, createRightTable } = useShop();

/** Runs what the problems say to run, and expects that nothing is left. */
async function remedy(): Promise<void> {
  for (const statement of remedies(await inspect())) await run(statement);
  expect((await inspect()).problems).toEqual([]);
}

describe('the id', () => {
  it('must have a type that an index can order', async () => {
    await createTable({ id: 'json not null' });
    expect((await inspect()).problems[0]).toBe(
      'the column id (columns.id) is of type json, which no index can order: name another, such as a bigint, uuid or text',
    );
  });

  it('must not be null and must be unique by itself, since two rows on one place could be parted', async () => {
    await createRightTable({ id: 'bigint' });
    expect((await inspect()).problems).toEqual([
      'the column id (columns.id) may be null, and such a row would never be read; run: alter table shop.gift_claim alter column id set not null;',
      'the column id (columns.id) has no unique index of its own, and rows that share an id could be passed over; run: create unique index concurrently on shop.gift_claim (id);',
    ]);
    await run('create unique index on shop.gift_claim (id, uid)');
    await run('create unique index on shop.gift_claim (id) where uid > 0');
    expect((await inspect()).problems).toHaveLength(2);
    await remedy();
  });
});

describe('the change column', () => {
  it('must be there, and is added without rewriting the table', async () => {
    await createTable();
    await run('alter table shop.gift_claim drop column change_xid');
    expect((await inspect()).problems[0]).toBe(
      'shop.gift_claim has no column change_xid (columns.change); run: alter table shop.gift_claim add column change_xid xid8 not null default pg_current_xact_id();',
    );
    await remedy();
  });

  it('must be xid8', async () => {
    await createRightTable({ change_xid: 'bigint' });
    expect((await inspect()).problems).toEqual([
      'the column change_xid (columns.change) is of type bigint, and must be xid8: only transaction ids tell what was committed',
    ]);
  });

  it('is a warning where it may be null, and a problem once a row has none', async () => {
    await createTable({ change_xid: 'xid8' });
    await run(
      `insert into shop.gift_claim (uid, attempt_id, status, expires_at) values (1, 'a', 'granted', now())`,
    );
    await run(`create trigger stamp_change before insert or update on shop.gift_claim
        for each row execute function reconciler.stamp_change();
      alter table shop.gift_claim enable always trigger stamp_change;
      create index on shop.gift_claim (change_xid, id);`);
    expect((await inspect()).problems).toEqual([
      'rows of shop.gift_claim have no change_xid and would never be read; fill it in, a range of ids at a time: update shop.gift_claim set change_xid = pg_current_xact_id() where change_xid is null and id between … and …; then: alter table shop.gift_claim alter column change_xid set not null;',
    ]);
    await run('update shop.gift_claim set change_xid = pg_current_xact_id() where change_xid is null');
    expect(await inspect()).toMatchObject({
      problems: [],
      warnings: [
        'the column change_xid may be null, and such a row is never read; run: alter table shop.gift_claim alter column change_xid set not null;',
      ],
    });
  });
});

describe('the index to read by', () => {
  const missing =
    'shop.gift_claim has no index on (change_xid, id); run: create index concurrently on shop.gift_claim (change_xid, id);';

  it.each([
    ['the other way round', 'create index on shop.gift_claim (id, change_xid)'],
    ['with something between', 'create index on shop.gift_claim (change_xid, uid, id)'],
    ['in two directions', 'create index on shop.gift_claim (change_xid, id desc)'],
    ['over some rows only', "create index on shop.gift_claim (change_xid, id) where status = 'granted'"],
    ['without the id', 'create index on shop.gift_claim (change_xid)'],
    ['over an expression', 'create index on shop.gift_claim (change_xid, (id + 1))'],
    [
      'that includes the id without ordering by it',
      'create index on shop.gift_claim (change_xid) include (id)',
    ],
  ])('does not count %s', async (_, sql) => {
    await createRightTable();
    await run(`drop index shop.gift_claim_change; ${sql};`);
    expect((await inspect()).problems).toEqual([missing]);
    await remedy();
  });

  it.each([
    ['backwards', 'create index on shop.gift_claim (change_xid desc, id desc)'],
    ['with more columns', 'create index on shop.gift_claim (change_xid, id, uid desc) include (status)'],
  ])('may run %s', async (_, sql) => {
    await createRightTable();
    await run(`drop index shop.gift_claim_change; ${sql};`);
    expect((await inspect()).problems).toEqual([]);
  });

  it('does not count while it is not valid', async () => {
    await createRightTable();
    await run(`update pg_index set indisvalid = false where indexrelid = 'shop.gift_claim_change'::regclass`);
    expect((await inspect()).problems).toEqual([
      'the index gift_claim_change of shop.gift_claim is not valid: its build failed or has not ended, or a partition lacks it. Drop it and run: create index concurrently on shop.gift_claim (change_xid, id);',
    ]);
  });
});

describe('the trigger', () => {
  const create = (events: string): string => `create trigger stamp_change ${events} on shop.gift_claim`;
  const call = 'execute function reconciler.stamp_change()';
  const missing =
    /^shop\.gift_claim has no trigger that stamps inserted and updated rows; run: create trigger/;

  it.each([
    ['on insert only', `${create('before insert')} for each row ${call}`],
    ['after the row is written', `${create('after insert or update')} for each row ${call}`],
    ['for some columns only', `${create('before insert or update of status')} for each row ${call}`],
    ['on a condition', `${create('before insert or update')} for each row when (new.uid > 0) ${call}`],
    ['once a statement', `${create('before insert or update')} for each statement ${call}`],
  ])('does not count when it fires %s', async (_, sql) => {
    await createTable();
    await run(`create index on shop.gift_claim (change_xid, id); ${sql};`);
    const { problems } = await inspect();
    expect(problems).toEqual([expect.stringMatching(missing)]);
    await run('drop trigger stamp_change on shop.gift_claim');
    await remedy();
  });

  it.each(['enable', 'disable', 'enable replica'])('must always fire, not only with "%s"', async (how) => {
    await createRightTable();
    await run(`alter table shop.gift_claim ${how} trigger stamp_change`);
    expect((await inspect()).problems).toEqual([
      'the trigger stamp_change of shop.gift_claim does not always fire: rows that come by replication or a restore would be passed over; run: alter table shop.gift_claim enable always trigger stamp_change;',
    ]);
    await remedy();
  });

  it('may be a function of the application when the change column has another name', async () => {
    await createTable({ changed_by: 'xid8 not null default pg_current_xact_id()' });
    await run('create index on shop.gift_claim (changed_by, id)');
    const columns = { change: 'changed_by' };
    expect((await inspect({ columns })).problems).toEqual([
      'shop.gift_claim has no trigger, before insert or update for each row, that sets changed_by to pg_current_xact_id(). Name the column change_xid to use reconciler.stamp_change(), or write a function of your own and enable its trigger always',
    ]);
    await run(`create function shop.stamp() returns trigger language plpgsql as
        $$ begin new.changed_by := pg_current_xact_id(); return new; end $$;
      create trigger stamp before insert or update on shop.gift_claim for each row execute function shop.stamp();
      alter table shop.gift_claim enable always trigger stamp;`);
    expect((await inspect({ columns })).problems).toEqual([]);
  });
});

describe('rows kept elsewhere', () => {
  it('are refused in tables that inherit: the trigger does not fire there', async () => {
    await createRightTable();
    await run('create table shop.old_claim () inherits (shop.gift_claim)');
    expect((await inspect()).problems).toEqual([
      'other tables inherit from shop.gift_claim: their rows would be read, but its trigger and indexes are not theirs. Make them partitions, or name each table as a source',
    ]);
  });

  it('are refused on another server, as a partition or as the table itself', async () => {
    await createTable({ id: 'bigint not null', attempt_id: 'text not null' }, 'partition by range (id)');
    await run(`create foreign data wrapper elsewhere;
      create server elsewhere foreign data wrapper elsewhere;
      create foreign table shop.far partition of shop.gift_claim for values from (0) to (100) server elsewhere;
      create foreign table shop.away (id bigint) server elsewhere;`);
    expect((await inspect()).problems.join('\n')).toContain(
      'shop.gift_claim has partitions on another server (shop.far), whose transaction ids mean nothing here',
    );
    expect((await inspect({ table: 'away' })).problems).toEqual([
      'shop.away is a foreign table: name the table behind it, whose rows a trigger can stamp',
    ]);
  });
});
