/**
 * The lists of rights against the statements and commands there are: nothing is missing, and nothing is there that nobody
 * uses. A statement or a command that is new fails here, with the line that its list lacks.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/postgres/migrate.ts';
import { ownRights } from '../../src/postgres/own-rights.ts';
import { markerNeeds } from '../../src/redis/marker-rights.ts';
import { queueNeeds } from '../../src/schedule/queue-rights.ts';
import { canaryName } from '../../src/domain/canary.ts';
import { readSourceFiles, readText } from '../architecture/source-files.ts';
import { giftSource } from '../reconcile/support/claim-tables.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { ownGrants } from './support/least-rights.ts';

const program = readSourceFiles(['src', 'jobs']);

/** `alert: insert`, from the statements of the program; a row lock needs the right to update. */
function usedRights(): Set<string> {
  const patterns: readonly [RegExp, string][] = [
    [/\binsert into reconciler\.(\w+)/g, 'insert'],
    [/\bupdate reconciler\.(\w+)/g, 'update'],
    [/\binsert into reconciler\.(\w+)[^;`]*\bon conflict[^;`]*\bdo update\b/g, 'update'],
    [/\bdelete from reconciler\.(\w+)/g, 'delete'],
    [/\bfrom reconciler\.(\w+)[^;`']*\bfor (?:share|update)\b/g, 'update'],
  ];
  // What `migrate` does is done as the owner.
  const text = program.filter(({ path }) => !path.endsWith('/migrate.ts')).map(({ code }) => code);
  return new Set(
    patterns.flatMap(([pattern, right]) =>
      text.flatMap((code) => [...code.matchAll(pattern)].map(([, table]) => `${table}: ${right}`)),
    ),
  );
}

function listed(rights: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(rights)
    .flatMap(([table, names]) => names.map((name) => `${table}: ${name}`))
    .sort();
}

describe('rights in Postgres', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
    await migrate(database.pool);
  });
  afterAll(async () => database.drop());

  it('are those that statements of the program use, on every table of the schema', async () => {
    const { rows } = await database.pool.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'reconciler'::regnamespace and relkind in ('r', 'p')`,
    );
    expect(Object.keys(ownRights).sort()).toEqual(rows.map(({ name }) => name).sort());
    const used = usedRights();
    for (const { name } of rows) used.add(`${name}: select`);
    expect(listed(ownRights)).toEqual([...used].sort());
  });

  it('are what ops/postgres-grants.sql grants, and no more', async () => {
    await database.pool.query(`${readText('ops/postgres-roles.sql')}; ${ownGrants()}`);
    const { rows } = await database.pool.query<{ right: string }>(
      `select table_name || ': ' || lower(privilege_type) as right from information_schema.role_table_grants
       where grantee = 'claim_reconciler' and table_schema = 'reconciler'`,
    );
    expect(rows.map(({ right }) => right).sort()).toEqual(listed(ownRights));
  });
});

describe('rights in Redis', () => {
  const callsIn = (text: string): string[] =>
    [...text.matchAll(/redis\.p?call\(\s*'(\w+)'/g)].map(([, name = '']) => name.toLowerCase());
  const scripts = program.filter(({ path }) => path.endsWith('.lua'));
  /** What they need beyond the others is not in ops/redis-acl.conf: few markers are hashes. */
  const ofHashes = /\/[\w-]*hash[\w-]*\.lua$/;
  const namesIn = (calls: readonly string[]): Set<string> =>
    new Set(
      calls.map((call) => (call.startsWith('client ') ? 'client|setname' : (call.split(' ')[0] ?? ''))),
    );
  const allowed = (user: string): Set<string> => {
    const line = readText('ops/redis-acl.conf').match(new RegExp(`^user ${user} .*$`, 'm'))?.[0] ?? '';
    return new Set([...line.matchAll(/ \+([\w|]+)/g)].map(([, name = '']) => name));
  };

  it('of the marker user are those that the scripts of the reconciler call', () => {
    // The gate's, and those of leases and caches.
    const others = /\/(take|release|list|acquire|renew|begin|fail|invalidate|read-cached|store)[\w-]*\.lua$/;
    const own = scripts.filter(({ path }) => !others.test(path) && !ofHashes.test(path));
    const called = own.flatMap(({ code }) => callsIn(code));
    const needs = markerNeeds([giftSource, { ...giftSource, name: canaryName }], 'n');
    const needed = namesIn(needs.flatMap(({ calls }) => calls));
    expect([...called].filter((name) => !needed.has(name))).toEqual([]);
    expect([...needed].sort()).toEqual([...allowed('claim-reconciler-markers')].sort());
  });

  it('of the marker user, where markers are hashes, are those that the scripts for hashes call', () => {
    const called = scripts.filter(({ path }) => ofHashes.test(path)).flatMap(({ code }) => callsIn(code));
    const hashes = { ...giftSource, marker: { ...giftSource.marker, hashField: 'attempt' } };
    const needed = namesIn(markerNeeds([hashes], 'n').flatMap(({ calls }) => calls));
    expect(called).toContain('hset');
    expect([...called].filter((name) => !needed.has(name))).toEqual([]);
  });

  it('of the gate are those that its scripts call', () => {
    const own =
      /\/(take|release|list|acquire|renew|begin|fail|invalidate|read-cached|store|server)[\w-]*\.lua$/;
    const called = scripts.filter(({ path }) => own.test(path)).flatMap(({ code }) => callsIn(code));
    const connection = ['ping', 'select', 'quit', 'client|setname', 'info', 'eval', 'evalsha'];
    expect([...new Set([...called, ...connection])].sort()).toEqual([...allowed('claim-gate')].sort());
  });

  it('of the queue user cover every command of the queue library’s scripts', () => {
    const folder = new URL('../../node_modules/bullmq/dist/esm/scripts/', import.meta.url);
    const library = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'));
    const called = new Set(
      library.flatMap((text) =>
        [...text.matchAll(/\b(?:rcall|redis\.p?call)\(\s*["'](\w+)["']/g)].map(([, name = '']) =>
          name.toLowerCase(),
        ),
      ),
    );
    expect(called.size).toBeGreaterThan(40);
    const needed = namesIn(queueNeeds('n').flatMap(({ calls }) => calls));
    expect([...called].filter((name) => !needed.has(name))).toEqual([]);
  });
});
