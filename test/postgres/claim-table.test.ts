/**
 * Opening a claim table for the gate: what it must be like, on a real server, and that each problem is told with what
 * makes it right.
 */
import { describe, expect, it } from 'vitest';
import { problemsIn, useGateShop } from './gate-table.ts';
import { shopSource } from './shop-table.ts';

const { run, createGateTable, open, problemsOf, putRight, poolAs, role } = useGateShop();

describe('a table that the gate can write', () => {
  it('is told by its columns: what the application may give, what it must', async () => {
    await run("create domain shop.code as varchar(20) not null; create type shop.size as enum ('S', 'L');");
    await createGateTable({
      note: 'varchar(20)',
      size: 'shop.size not null',
      code: 'shop.code',
      made_at: 'timestamptz not null default now()',
      twice: 'bigint generated always as (uid * 2) stored',
    });
    const { columns, forbidden, sql } = await open();
    expect(forbidden).toEqual(new Map());
    expect(sql.idType).toBe('bigint');
    const told = [...columns.values()].map(({ name, sqlType, kind, isGiven, isNeeded }) =>
      [name, sqlType, kind, isGiven ? 'given' : 'not given', isNeeded ? 'needed' : ''].join(' ').trim(),
    );
    expect(told).toEqual([
      'id bigint integer not given',
      'uid bigint integer given needed',
      'attempt_id text text not given',
      'status text text not given',
      'expires_at timestamp with time zone other not given',
      'change_xid xid8 other not given',
      'note character varying text given',
      'size shop.size text given needed',
      'code character varying text given needed',
      'made_at timestamp with time zone other given',
      'twice bigint integer not given',
    ]);
  });

  it('needs nothing that a trigger may fill in', async () => {
    await createGateTable({ kept_at: 'timestamptz not null' });
    expect((await open()).columns.get('kept_at')).toMatchObject({ isGiven: true, isNeeded: true });
    await run(`create function shop.fill() returns trigger language plpgsql as
        'begin new.kept_at := now(); return new; end';
      create trigger fill before insert on shop.gift_claim for each row execute function shop.fill();`);
    expect((await open()).columns.get('kept_at')).toMatchObject({ isGiven: true, isNeeded: false });
  });

  it('may have a key of several columns, and says which texts its values must leave out', async () => {
    await createGateTable(
      { shop: 'text not null', '"user"': 'varchar not null' },
      `create unique index on shop.gift_claim (uid, "user", shop) where status = any ('{granted,pending,x}');`,
    );
    const { forbidden } = await open({ key: 'gift:{shop}:{uid}:{user}:{uid}' });
    expect(forbidden).toEqual(new Map([['shop', [':']]]));
  });

  it('may have names that must be quoted', async () => {
    await run(`create table shop."Gift ""Claim" ("Id" uuid primary key default gen_random_uuid(), "order" int not null,
        "at'tempt" uuid not null, "sta tus" text not null, "{end}" timestamptz not null, "select" xid8 not null);
      create unique index on shop."Gift ""Claim" ("at'tempt");
      create unique index on shop."Gift ""Claim" ("order") where "sta tus" in ('it''s mine', 'had');`);
    const columns = {
      id: 'Id',
      attempt: "at'tempt",
      status: 'sta tus',
      change: 'select',
      expiry: { expiresAt: '{end}' },
    };
    const statuses = { pending: ["it's mine"], granted: ['had'], released: ['gone'] };
    const changes = { table: 'Gift "Claim', columns, statuses, key: 'k:{order}', value: null };
    expect((await open(changes)).columns.get('order')).toMatchObject({ kind: 'integer', isNeeded: true });
    await run('drop index shop."Gift ""Claim_order_idx"; drop index shop."Gift ""Claim_at\'tempt_idx";');
    expect(await problemsOf(changes)).toHaveLength(2);
    expect(await putRight(changes)).toEqual([]);
  });

  it('is opened by a role that may insert, update and read it, and nothing else', async () => {
    await createGateTable({ id: 'bigserial primary key' });
    const problemsAs = async (grants: string): Promise<string[]> => {
      const told = await problemsIn(await poolAs(grants), shopSource());
      return told.map((problem) => problem.replaceAll(role, 'ROLE'));
    };
    const told = await problemsAs('');
    expect(told).toEqual([
      'the role ROLE may not use the schema shop; run: grant usage on schema shop to ROLE;',
      'the role ROLE may not read id, uid, attempt_id, status, expires_at and 1 more of shop.gift_claim; run: grant select on shop.gift_claim to ROLE;',
      'the role ROLE may not insert uid, attempt_id, status, expires_at into shop.gift_claim; run: grant insert on shop.gift_claim to ROLE;',
      'the role ROLE may not use the sequence shop.gift_claim_id_seq, from which shop.gift_claim is filled in; run: grant usage on sequence shop.gift_claim_id_seq to ROLE;',
      'the role ROLE may not update status of shop.gift_claim; run: grant update ("status") on shop.gift_claim to ROLE;',
    ]);
    const grants = told.map((problem) => problem.slice(problem.indexOf('run: ') + 5)).join(' ');
    expect(await problemsAs(grants)).toEqual([]);
  });
});
