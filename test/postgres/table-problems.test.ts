/**
 * What is said about the columns of a claim table and about the role that reads it, on a real server.
 */
import { describe, expect, it } from 'vitest';
import { useShop } from './shop-table.ts';

const { run, inspect, inspectAs, createRightTable } = useShop();

describe('the column that says when a marker expires', () => {
  it.each(['date', 'bigint', 'text'])('must not be of type %s', async (type) => {
    await createRightTable({ expires_at: type });
    expect((await inspect()).problems).toEqual([
      `the column expires_at (columns.expiresAt) is of type ${type}, and must be timestamptz (timestamp with time zone)`,
    ]);
  });

  it('may lack a time zone, with a warning that it is taken as UTC', async () => {
    await createRightTable({ created_at: 'timestamp(3) not null' });
    const expiry = { createdAt: 'created_at', ttlMs: 30_000 };
    expect(await inspect({ columns: { expiry } })).toMatchObject({
      problems: [],
      warnings: ['the column created_at has no time zone: its times are taken as UTC'],
    });
  });
});

describe('status words', () => {
  it('must be labels of an enum, and every label should be mapped', async () => {
    await run("create type shop.state as enum ('pending', 'granted', 'expired', 'failed')");
    await createRightTable({ status: 'shop.state not null' });
    const statuses = { granted: ['grantd', 'used'], released: ['failed'] };
    const { problems, warnings } = await inspect({ statuses });
    expect(problems).toEqual([
      'the column status is of type shop.state, which has no value "grantd" (statuses.granted); did you mean granted?',
      'the column status is of type shop.state, which has no value "used" (statuses.granted); it has pending, granted, expired, failed',
    ]);
    expect(warnings).toEqual([
      'statuses does not say what granted, expired means: claims in it will be recorded as unreadable_claim',
    ]);
  });

  it.each([
    ['boolean', { pending: [], granted: ['true'], released: ['f'] }, '"f" (statuses.released)'],
    ['smallint', { pending: ['0'], granted: ['1'], released: ['02'] }, '"02" (statuses.released)'],
  ])('must be what a %s prints', async (type, statuses, told) => {
    await createRightTable({ status: `${type} not null` });
    expect((await inspect({ statuses })).problems).toEqual([
      `the column status is of type ${type}, which has no value ${told}`,
    ]);
  });
});

describe('what is allowed but odd', () => {
  it('is an attempt column without a unique index, where the marker names the attempt', async () => {
    await createRightTable({ attempt_id: 'text not null' });
    expect(await inspect()).toMatchObject({
      problems: [],
      warnings: [
        'the column attempt_id (columns.attempt) has no unique index, so a newer attempt may store the same marker value as an older one: repairs are more careful than they need be if attempts are unique; add the index, or set marker.valueIsUnique to true',
      ],
    });
    expect((await inspect({ value: null })).warnings).toEqual([]);
  });

  it('is an unlogged table', async () => {
    await createRightTable();
    await run('alter table shop.gift_claim set unlogged');
    expect((await inspect()).warnings).toEqual([
      'shop.gift_claim is unlogged: Postgres empties it after a crash, and all claims are gone',
    ]);
  });
});

describe('a role without privileges', () => {
  const own =
    'grant usage on schema reconciler to ROLE; grant select, insert, update, delete on all tables in schema reconciler to ROLE;';

  it('is told every grant that is missing, and needs no more than these', async () => {
    await createRightTable();
    const { problems } = await inspectAs('');
    expect(problems).toEqual([
      'the role ROLE may not use the schema shop; run: grant usage on schema shop to ROLE;',
      'the role ROLE may not read id, uid, attempt_id, status, expires_at and 1 more of shop.gift_claim; run: grant select on shop.gift_claim to ROLE;',
      expect.stringMatching(
        /^the role ROLE may not read and write the reconciler's own tables \(alert, .* and \d+ more\) as it has to; run: /,
      ),
    ]);
    expect(problems.at(-1)).toContain(
      'grant select, insert, delete on reconciler.horizon_sample, reconciler.lease_term, ',
    );
    const grants = problems.map((problem) => problem.slice(problem.indexOf('run: ') + 5)).join(' ');
    expect(await inspectAs(grants)).toMatchObject({ problems: [], warnings: [], idType: 'bigint' });
  });

  it('may have the columns it needs and no others', async () => {
    await createRightTable({ secret: 'text' });
    const found = await inspectAs(
      `grant usage on schema shop to ROLE; ${own}
       grant select (id, uid, attempt_id, status, expires_at) on shop.gift_claim to ROLE;`,
    );
    expect(found.problems).toEqual([
      'the role ROLE may not read change_xid of shop.gift_claim; run: grant select on shop.gift_claim to ROLE;',
    ]);
    const complete = await inspectAs('grant select (change_xid) on shop.gift_claim to ROLE;');
    expect(complete.problems).toEqual([]);
  });

  it('is told which right it lacks in which of the own tables, and nothing that it does not need', async () => {
    await createRightTable();
    const grants = `grant usage on schema shop to ROLE; ${own} grant select on shop.gift_claim to ROLE;`;
    expect((await inspectAs(`${grants} revoke delete on reconciler.alert from ROLE;`)).problems).toEqual([]);
    expect((await inspectAs('revoke delete on reconciler.pass from ROLE;')).problems).toEqual([
      "the role ROLE may not read and write the reconciler's own tables (pass) as it has to; run: grant delete on reconciler.pass to ROLE;",
    ]);
  });

  it('must see all rows: policies would make claims look deleted', async () => {
    await createRightTable();
    await run(`alter table shop.gift_claim enable row level security;
      create policy large_uids on shop.gift_claim using (uid > 100);`);
    expect((await inspect()).problems).toEqual([]);
    const grants = `grant usage on schema shop to ROLE; ${own} grant select on shop.gift_claim to ROLE;`;
    expect((await inspectAs(grants)).problems).toEqual([
      'row security hides rows of shop.gift_claim from the role ROLE, and claims that are not seen would count as deleted; run: alter role ROLE bypassrls;',
    ]);
    expect((await inspectAs('alter role ROLE bypassrls;')).problems).toEqual([]);
  });
});
