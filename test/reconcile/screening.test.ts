/**
 * The fast way of reading against the plain one, from the rows of a table to the markers of a server: lines of COPY that a
 * script in Redis takes apart, and rows and markers that are read one by one. Whatever text a claim holds, both mean the same.
 */
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { assess } from '../../src/domain/assess.ts';
import { isBad } from '../../src/domain/verdict.ts';
import { readClaimPage, positionOfLine } from '../../src/postgres/claim-pages.ts';
import { readClaims } from '../../src/postgres/claims.ts';
import { describeSource } from '../../src/postgres/source-sql.ts';
import { observeMarkers } from '../../src/redis/observe-markers.ts';
import { screenMarkers } from '../../src/redis/screen-markers.ts';
import { insertClaims, claimSource, nextXid, useShopClaims, type ClaimRow } from '../postgres/shop-claims.ts';
import { useStrictRedis } from '../support/strict-redis.ts';

const shop = useShopClaims();
let redis: Redis;
useStrictRedis((_, strict) => {
  redis = strict;
});

const nowMs = Date.parse('2030-01-01T00:00:00Z');
/** Far wider than a test takes, so that the time that passes does not change what agrees. */
const toleranceMs = 600_000;
const rules = { toleranceMs, valueNamesAttempt: true };

/** Text that could be taken for the end of a text, of a line or of an array, and any other. */
const oddTexts = [
  '',
  'null',
  '"',
  '\\',
  '\\"',
  '",',
  '"]',
  '[',
  '{}',
  '\\u0041',
  '\\N',
  ',',
  '\n',
  '\r\n',
  '0',
  '1e3',
];
const controls = Array.from({ length: 31 }, (_, at) => String.fromCharCode(at + 1));
const wide = ['\u007f', '\u0085', '\u2028', '\u2029', '\uFEFF', '\uFFFE', 'é', '漢', '😀', '\u0301'];
const anyText = fc.oneof(
  fc.string({ unit: fc.constantFrom(...oddTexts, ...controls, ...wide, 'a'), maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => text.replaceAll('\0', '')),
);
const hours = (count: number): string => new Date(nowMs + count * 3_600_000 + 0.5).toISOString();
const anyEnd = fc.constantFrom(
  hours(1),
  hours(-1),
  hours(100_000),
  'infinity',
  '-infinity',
  '294276-12-31T23:59:59Z',
);

const anyPair = fc.record({
  row: fc.record({
    note: fc.option(anyText, { nil: null, freq: 12 }),
    attempt_id: fc.option(anyText, { nil: null, freq: 12 }),
    status: fc.constantFrom('granted', 'granted', 'granted', 'failed', 'failed', 'pending', 'shipped'),
    expires_at: fc.option(anyEnd, { nil: null, freq: 8 }),
  }) satisfies fc.Arbitrary<ClaimRow>,
  marker: fc.constantFrom('own', 'own', 'own', 'other', 'longer', 'broken', 'absent', 'hash'),
  lifeMs: fc.constantFrom(3_600_000, 3_600_000, null, 60_000),
  other: anyText,
});
type Pair = typeof anyPair extends fc.Arbitrary<infer P> ? P : never;

/** Stores the marker of a claim under the key that the manual reading built for it. */
async function storeMarker(key: string, { row, marker, lifeMs, other }: Pair): Promise<void> {
  const own = row.attempt_id ?? '';
  const values = { own, other, longer: `${own}"`, broken: Buffer.from(`${own}\u00e9`, 'latin1') };
  if (marker === 'absent') return;
  if (marker === 'hash') return void (await redis.hset(key, own, '1'));
  await (lifeMs === null ? redis.set(key, values[marker]) : redis.set(key, values[marker], 'PX', lifeMs));
}

interface Told {
  readonly suspected: readonly string[];
  /** The verdict of each claim, by id. */
  readonly verdicts: ReadonlyMap<string, string>;
  readonly bad: readonly string[];
}

async function tellBothWays(pool: pg.Pool, pairs: readonly Pair[], value: string | null): Promise<Told> {
  await shop.ask('truncate shop.claim restart identity');
  await redis.flushdb();
  await insertClaims(
    pool,
    pairs.map(({ row }) => row),
  );
  const sql = describeSource(claimSource({ key: '{note}:{uid}', value }), 'bigint');
  const ids = pairs.map((_, at) => String(at + 1));
  const claims = await readClaims(pool, sql, ids);
  const keys = pairs.map(({ row }, at) => `${row.note ?? ''}:${at + 1}`);
  await Promise.all(pairs.map(async (pair, at) => storeMarker(keys[at] ?? '', pair)));
  const range = { by: 'change', after: { changeXid: '0', id: null } } as const;
  const page = await readClaimPage(pool, sql, { range, horizon: await nextXid(pool), rowsMax: 1_000 });
  const suspects = await screenMarkers(page.lines, {
    redis,
    rules,
    anyValue: value === null,
    nowMs: () => nowMs,
    callTimeoutMs: 20_000,
    callsInFlight: 2,
    block: { linesMin: 3, linesMax: 3, serverMs: 1 },
    pace: { lines: 3, blocks: 0 },
  });
  const markers = await observeMarkers(redis, keys, 20_000);
  const verdicts = new Map(
    ids.map((id, at) => {
      const [claim, marker] = [claims.get(id), markers[at]];
      if (claim === undefined || marker === undefined) throw new Error(`claim ${id} was not read`);
      return [id, assess({ claim, marker }, rules, nowMs)] as const;
    }),
  );
  return {
    suspected: suspects.map((line) => positionOfLine(sql, page.lines, line).id),
    verdicts,
    bad: ids.filter((id) => isBad(verdicts.get(id) ?? 'unknown')),
  };
}

describe('the fast way of reading', () => {
  it('suspects exactly the claims that the plain one calls bad, whatever their texts', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyPair, { minLength: 1, maxLength: 30 }),
        fc.constantFrom('{attempt_id}', '{attempt_id}', null),
        async (pairs, value) => {
          const { suspected, verdicts, bad } = await tellBothWays(shop.pool(), pairs, value);
          for (const verdict of verdicts.values()) seen.add(verdict);
          expect(suspected).toEqual(bad);
        },
      ),
      { numRuns: 150 },
    );
    expect(seen).toContain('consistent');
    expect(seen.size).toBeGreaterThan(6);
  });
});
