/**
 * The mapping as SQL: quoted, escaped, and of one mind with the reading of single claims.
 */
import * as fc from 'fast-check';
import { Pool } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectPostgres, defaultPoolLimits } from '../../src/postgres/connect.ts';
import { readClaims } from '../../src/postgres/claims.ts';
import { readClaimPage } from '../../src/postgres/claim-pages.ts';
import { fieldsOfLine } from '../../src/postgres/copy-out.ts';
import { describeSource, xid8 } from '../../src/postgres/source-sql.ts';
import { claimSource, claimSql, insertClaims, nextXid, useShopClaims } from './shop-claims.ts';
import { shopSource, type Changes } from './shop-table.ts';

const shop = useShopClaims();
const unnamed = { applicationName: 'claims test', onError: () => undefined };

describe('the mapping in SQL', () => {
  const anyRow = fc.record({
    uid: fc.option(fc.constantFrom(1, 2), { nil: null, freq: 6 }),
    note: fc.option(fc.constantFrom('', '\\N', 'a\tb', '漢\n'), { nil: null, freq: 4 }),
    attempt_id: fc.option(fc.constantFrom('', 'a1', "a'2"), { nil: null, freq: 6 }),
    status: fc.option(fc.constantFrom('pending', 'granted', 'failed', "it's done", 'shipped', '', 'u', 'g'), {
      nil: null,
      freq: 8,
    }),
    expires_at: fc.option(
      fc.constantFrom('2030-01-01T00:00:00.1239Z', 'infinity', '-infinity', '1969-12-31T23:59:59.9Z'),
      { nil: null, freq: 4 },
    ),
  });
  const anyChanges = fc.record({
    key: fc.constantFrom('gift:{uid}', "it's {note}\\:{{uid}}"),
    value: fc.constantFrom('{attempt_id}', '{note}', null),
    statuses: fc.constantFrom({}, { released: [] }, { granted: ['granted', "it's done"] }),
    columns: fc.constantFrom({}, { expiry: { createdAt: 'expires_at', ttlMs: 1_500.4 } }),
  }) satisfies fc.Arbitrary<Changes>;

  it('flags each row of a page as the full reading of it decides', async () => {
    const kinds = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRow, { minLength: 1, maxLength: 30 }),
        anyChanges,
        async (rows, changes) => {
          const pool = shop.pool();
          await shop.ask('truncate shop.claim restart identity');
          await insertClaims(pool, rows);
          const sql = claimSql(changes);
          const horizon = await nextXid(pool);
          const page = await readClaimPage(pool, sql, {
            range: { by: 'change', after: { changeXid: '0', id: null } },
            horizon,
            rowsMax: 1_000,
          });
          expect(page.rows).toBe(rows.length);
          const claims = await readClaims(
            pool,
            sql,
            rows.map((_, at) => String(at + 1)),
          );
          for (const [at] of rows.entries()) {
            const fields = fieldsOfLine(page.lines, at).map((field) => field ?? Buffer.alloc(0));
            const [letter, key, value, , , id] = fields.map((field) => field.toString());
            const [expiry, changeXid] = [fields[3]?.readBigInt64BE(), String(fields[4]?.readBigUInt64BE())];
            const claim = claims.get(id ?? '');
            kinds.add(letter ?? '');
            if (claim?.kind !== 'readable') {
              const keyOfOther = claim?.kind === 'unreadable' ? (claim.markerKey ?? '') : null;
              expect([letter, key]).toEqual(['u', keyOfOther]);
              continue;
            }
            const { status, markerKey, expiresAtMs } = claim;
            expect([letter, key, Number(expiry), changeXid]).toEqual([
              status.charAt(0),
              markerKey,
              expiresAtMs,
              claim.changeXid,
            ]);
            if (claim.markerValue !== null) expect(value).toBe(claim.markerValue);
            else expect(value).toBe('');
          }
        },
      ),
      { numRuns: 80 },
    );
    expect([...kinds].toSorted()).toEqual(['g', 'p', 'r', 'u']);
  });

  it('pastes nothing in unquoted: names and words that are odd stay names and words', async () => {
    await shop.ask(`create schema "Odd ""shop"; create table "Odd ""shop"."or der"
      ("Id" bigint, "at'tempt" text, "sta tus" text, "end" timestamptz, "select" xid8)`);
    await shop.ask(`insert into "Odd ""shop"."or der" values (1, 'a1', $1, '2100-01-01', '5')`, [
      "'; drop --",
    ]);
    const source = {
      ...shopSource({
        columns: {
          id: 'Id',
          attempt: "at'tempt",
          status: 'sta tus',
          change: 'select',
          expiry: { expiresAt: 'end' },
        },
        statuses: { granted: ["'; drop --"] },
        value: null,
      }),
      table: { schema: 'Odd "shop', name: 'or der' },
      marker: {
        key: [
          { kind: 'literal', text: "k'\\" },
          { kind: 'column', name: 'Id' },
        ],
        value: null,
      },
    } as const;
    const found = await readClaims(shop.pool(), describeSource(source, 'bigint'), ['1']);
    expect(found.get('1')).toMatchObject({ kind: 'readable', status: 'granted', markerKey: "k'\\1" });
  });

  it('refuses what is no transaction id', () => {
    expect(xid8('1001')).toBe("'1001'::xid8");
    for (const odd of ['', '-1', '1 ', "1'", '1.0', 'x', '123456789012345678901']) {
      expect(() => xid8(odd)).toThrow('not a transaction id');
    }
  });

  it('builds keys from what the program’s sessions print, whatever the server’s own settings', async () => {
    await shop.ask(`do $$ begin execute format('alter database %I set datestyle = ''German''', current_database());
      execute format('alter database %I set timezone = ''Asia/Tokyo''', current_database()); end $$`);
    await insertClaims(shop.pool(), [{ expires_at: '2030-01-01T00:00:00Z' }]);
    const sql = describeSource(claimSource({ key: 'gift:{expires_at}' }), 'bigint');
    const plain = new Pool({ connectionString: shop.url() });
    plain.on('error', () => undefined);
    const fresh = connectPostgres({ ...defaultPoolLimits, ...unnamed, url: shop.url() });
    onTestFinished(async () => void (await Promise.all([plain.end(), fresh.end()])));
    expect((await readClaims(plain, sql, ['1'])).get('1')).toMatchObject({
      markerKey: 'gift:01.01.2030 09:00:00 JST',
    });
    const found = await readClaims(fresh, sql, ['1']);
    expect(found.get('1')).toMatchObject({ markerKey: 'gift:2030-01-01 00:00:00+00' });
  });
});
