/**
 * Chunks: cut end to end, whatever the ids are and wherever a transaction's rows are cut through; counted once, however often they
 * are added up.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Position } from '../../src/domain/claim.ts';
import {
  addChunks,
  findBoundary,
  passChunks,
  readChunksAhead,
  readCounts,
  type Chunk,
} from '../../src/postgres/chunk.ts';
import { positionOfLine, readClaimPage } from '../../src/postgres/claim-pages.ts';
import { inTransaction } from '../../src/postgres/connect.ts';
import { beginPass } from '../../src/postgres/pass.ts';
import { describeSource, type SourceSql } from '../../src/postgres/source-sql.ts';
import { startTally } from '../../src/reconcile/tally.ts';
import { claimSource, useShopClaims } from './shop-claims.ts';

const shop = useShopClaims();
const horizon = '7';

/** The ids of each piece, when all that lies below the horizon is cut into pieces of so many rows. */
async function cut(sql: SourceSql, rows: number): Promise<string[][]> {
  const pieces: string[][] = [];
  let from: Position = { changeXid: '0', id: null };
  for (;;) {
    const boundary = await findBoundary(shop.pool(), sql, { from, horizon, rows });
    const upTo = boundary ?? { changeXid: horizon, id: null };
    const page = await readClaimPage(shop.pool(), sql, {
      range: { by: 'change', after: from, upTo },
      horizon,
      rowsMax: 1_000,
    });
    pieces.push(Array.from({ length: page.rows }, (_, line) => positionOfLine(sql, page.lines, line).id));
    if (boundary === null) return pieces;
    from = boundary;
  }
}

describe('pieces', () => {
  it.each([
    ['bigint', 'bigint', ['10', '9', '-3', '100', '2', '33', '7']],
    ['text', 'text', ['B', 'a', '', "it's", 'ä', '10', '9', '\\N', 'a\tb']],
    ['text', 'text collate "und-x-icu"', ['B', 'a', 'b', 'A', 'ä', 'z', 'Ä', 'é', 'e-1', 'e1', 'E 1']],
    ['uuid', 'uuid', Array.from({ length: 9 }, () => crypto.randomUUID())],
    ['numeric', 'numeric', ['10', '9', '9.5', '-1']],
  ])('of ids that are %s (%s) hold every row once, in order', async (type, column, values) => {
    await shop.ask('drop table if exists shop.other; create table shop.other (like shop.claim)');
    await shop.ask(`alter table shop.other alter id type ${column} using id::text::${type}`);
    // Those of the transaction 7 are not below the horizon.
    await shop.ask(
      `insert into shop.other select v::${type}, 1, null, 'a', 'granted', '2100-01-01', x::text::xid8
       from unnest($1::text[]) with ordinality as u (v, n), lateral (select case when n = 1 then 7 else 3 + n % 2 end) t (x)`,
      [values],
    );
    const sql = describeSource(claimSource({ table: 'other' }), type);
    const all = await shop.ask<{ id: string }>(
      `select id::text as id from shop.other where change_xid < '7' order by change_xid, shop.other.id`,
    );
    for (const rows of [1, 2, 3, all.length, all.length + 1]) {
      const pieces = await cut(sql, rows);
      expect(pieces.flat()).toEqual(all.map(({ id }) => id));
      expect(pieces.slice(0, -1).every(({ length }) => length === rows)).toBe(true);
    }
  });
});

describe('the counts of a pass', () => {
  let passId: string;
  beforeEach(async () => {
    ({ passId } = await beginPass(shop.pool(), {
      source: 'gifts',
      askedBy: 'test',
      mode: 'observe',
      fencingToken: '1',
    }));
  });

  it('stay the same when the checkpoint passes what is judged', async () => {
    const at: Position = { changeXid: '3', id: '1' };
    const chunk = (number: number): Chunk => ({
      passId,
      number,
      from: at,
      to: at,
      horizon,
      judging: 'as always',
    });
    const judged = (consistent: number, missing: number): typeof none => ({
      ...none,
      consistent,
      missing_marker: missing,
    });
    const none = startTally().verdicts;
    await addChunks(shop.pool(), [
      { ...chunk(0), verdicts: judged(100, 1) },
      { ...chunk(1), verdicts: judged(10, 2) },
      { ...chunk(2), verdicts: judged(20, 0) },
      chunk(3),
      { ...chunk(4), verdicts: judged(40, 4) },
    ]);
    expect(await readCounts(shop.pool(), passId)).toEqual(judged(170, 7));
    await inTransaction(shop.pool(), async (client) => passChunks(client, passId, 2));
    expect(await readCounts(shop.pool(), passId)).toEqual(judged(170, 7));
    const ahead = await readChunksAhead(shop.pool(), passId);
    expect(ahead.map(({ number, verdicts }) => [number, verdicts?.consistent])).toEqual([
      [3, undefined],
      [4, 40],
    ]);
  });
});
