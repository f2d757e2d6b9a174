/**
 * Reports: kept from the moment they are acknowledged, judged once, forgotten a month later.
 */
import { createHash } from 'node:crypto';
import type { PoolClient } from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import type { OpenClaim } from '../../src/domain/open-claim.ts';
import { inTransaction } from '../../src/postgres/connect.ts';
import { postponeDiscrepancies, type FoundRowless } from '../../src/postgres/discrepancy.ts';
import {
  dropOldReports,
  isRefusedValue,
  lockUnjudged,
  markJudged,
  readJudgement,
  readUnjudged,
  recordReported,
  recordReportedRowless,
  storeReport,
  type Judgement,
  type NewReport,
} from '../../src/postgres/report.ts';
import { waitFor } from '../support/wait-for.ts';
import { evidenceOf, foundOf, source, startPass } from './discrepancies.ts';
import { useShopClaims } from './shop-claims.ts';

const shop = useShopClaims();
const consistent: Judgement = { verdict: 'consistent', discrepancyId: null, note: 'the marker is gone' };
const everything = { afterId: '0', rowsMax: 100 };

beforeEach(async () => {
  await shop.ask('truncate reconciler.report restart identity');
});

async function store(changes: Partial<NewReport> = {}): Promise<string> {
  const report = { source, markerKey: 'gift:1', attempt: 'a1', reason: 'DEL timed out', by: 'shop' };
  return storeReport(shop.pool(), { ...report, ...changes });
}

async function judge(ids: readonly string[], judgement = consistent): Promise<void> {
  await inTransaction(shop.pool(), async (client) => markJudged(client, ids, judgement));
}

async function within<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  return inTransaction(shop.pool(), work);
}

function rowlessOf(attempt: string, markerKey = 'gift:1'): FoundRowless {
  const open: OpenClaim = { markerKey, markerValue: attempt, attempt, columns: {}, expiresAtMs: 0 };
  const marker = { kind: 'present', value: attempt, expiresInMs: 1_000 } as const;
  const evidence = { ...evidenceOf(marker), claim: { kind: 'no_row', open } as const };
  return { markerKey, verdict: 'rowless_marker', evidence };
}

async function recordRowless(attempt: string, markerKey = 'gift:1'): Promise<string> {
  return within((client) =>
    recordReportedRowless(client, source, null, rowlessOf(attempt, markerKey), attempt),
  );
}

describe('a report', () => {
  it('is kept with who, what, why and when', async () => {
    const id = await store({ markerKey: 'gift:é\u202e', reason: '<b>' });
    const [row] = await shop.ask('select * from reconciler.report');
    expect(row).toMatchObject({ id, source, marker_key: 'gift:é\u202e', reason: '<b>', reported_by: 'shop' });
    expect(row?.['reported_at']).toBeInstanceOf(Date);
    expect(row).toMatchObject({ judged_at: null, verdict: null, discrepancy_id: null, note: null });
  });

  it('is unjudged until somebody judges it, oldest first, source by source', async () => {
    const ids = [await store(), await store({ attempt: 'a2' }), await store()];
    await store({ source: 'orders' });
    const read = await readUnjudged(shop.pool(), source, everything);
    expect(read).toEqual([
      { id: ids[0], markerKey: 'gift:1', attempt: 'a1' },
      { id: ids[1], markerKey: 'gift:1', attempt: 'a2' },
      { id: ids[2], markerKey: 'gift:1', attempt: 'a1' },
    ]);
    const next = await readUnjudged(shop.pool(), source, { afterId: ids[0] ?? '', rowsMax: 1 });
    expect(next.map(({ id }) => id)).toEqual([ids[1]]);
    await judge([ids[0] ?? '', ids[2] ?? '']);
    expect((await readUnjudged(shop.pool(), source, everything)).map(({ id }) => id)).toEqual([ids[1]]);
  });

  it('is read by number, not by text: 10 comes after 9', async () => {
    for (let count = 0; count < 11; count += 1) await store();
    const read = await readUnjudged(shop.pool(), source, { afterId: '8', rowsMax: 100 });
    expect(read.map(({ id }) => id)).toEqual(['9', '10', '11']);
  });

  it('is judged once: who comes second waits, and learns what the first one made of it', async () => {
    const id = await store();
    const second: Promise<Judgement | null>[] = [];
    await within(async (client) => {
      expect(await lockUnjudged(client, [id])).toEqual([id]);
      second.push(
        within(async (other) => {
          expect(await lockUnjudged(other, [id])).toEqual([]);
          return readJudgement(other, id);
        }),
      );
      await waitFor(
        async () => {
          const waiting = await shop.ask(`select from pg_locks where not granted`);
          return waiting.length > 0;
        },
        { what: 'the second to wait' },
      );
      await markJudged(client, [id], consistent);
    });
    expect(await Promise.all(second)).toEqual([consistent]);
    await judge([id], { verdict: 'orphan_marker', discrepancyId: null, note: 'too late' });
    expect(await within((client) => readJudgement(client, id))).toEqual(consistent);
  });

  it('that cannot be judged has a note and no verdict; one that waits has neither', async () => {
    const [odd, waiting] = [await store(), await store()];
    await judge([odd], { verdict: null, discrepancyId: null, note: 'refused' });
    expect(await within((client) => readJudgement(client, odd))).toMatchObject({ note: 'refused' });
    expect(await within((client) => readJudgement(client, waiting))).toBeNull();
    await expect(shop.ask(`update reconciler.report set verdict = 'x' where id = 2`)).rejects.toThrow(
      'report_check',
    );
  });

  it('is forgotten 30 days after it was judged, never before it was', async () => {
    const [old, recent] = [await store(), await store()];
    const waiting = await store();
    await judge([old, recent]);
    await shop.ask(`update reconciler.report set reported_at = reported_at - interval '90 days',
      judged_at = case when id = 1 then judged_at - interval '31 days' else judged_at end`);
    expect(await dropOldReports(shop.pool())).toBe(1);
    const left = await shop.ask<{ id: string }>('select id::text from reconciler.report order by report.id');
    expect(left.map(({ id }) => id)).toEqual([recent, waiting]);
  });
});

describe('what a report says of a claim', () => {
  const record = (changes: Parameters<typeof foundOf>[1] = {}, passId: string | null = null) =>
    within((client) =>
      recordReported(client, source, passId, foundOf('7', { verdict: 'orphan_marker', ...changes })),
    );

  it('becomes one open discrepancy, with a pass or without', async () => {
    const first = await record();
    expect(await record({}, await startPass(shop.pool()))).toBe(first);
    expect(
      await shop.ask('select claim_id, verdict, pass_id, change_xid from reconciler.discrepancy'),
    ).toEqual([{ claim_id: '7', verdict: 'orphan_marker', pass_id: null, change_xid: '1001' }]);
  });

  it('does not take the backoff away from what is known, unless it is wrong in another way now', async () => {
    const id = await record({ verdict: 'in_doubt' });
    await postponeDiscrepancies(shop.pool(), [
      { id, delayMs: 3_600_000, verdict: 'in_doubt', evidence: evidenceOf() },
    ]);
    const read = async () =>
      shop.ask('select verdict, next_check_at is null as due, checks from reconciler.discrepancy');
    expect(await record({ verdict: 'in_doubt' })).toBe(id);
    expect(await read()).toEqual([{ verdict: 'in_doubt', due: false, checks: 1 }]);
    expect(await record({ verdict: 'orphan_marker' })).toBe(id);
    expect(await read()).toEqual([{ verdict: 'orphan_marker', due: true, checks: 1 }]);
  });

  it('from many at once is one open discrepancy', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => record()));
    expect(new Set(ids).size).toBe(1);
    expect(await shop.ask('select from reconciler.discrepancy')).toHaveLength(1);
  });
});

describe('what a report says of a marker without a row', () => {
  it('is stamped as the row would be, and one open discrepancy however often it is said', async () => {
    const [before] = await shop.ask<{ xid: string }>('select pg_current_xact_id()::text as xid');
    const ids = await Promise.all(Array.from({ length: 8 }, () => recordRowless('a1')));
    expect(new Set(ids).size).toBe(1);
    const rows = await shop.ask<{ subject: string; stamp: string }>(
      'select subject, change_xid::text as stamp from reconciler.discrepancy',
    );
    expect(rows).toMatchObject([{ subject: 'marker:gift:1' }]);
    expect(BigInt(rows[0]?.stamp ?? '0')).toBeGreaterThan(BigInt(before?.xid ?? '0'));
    await postponeDiscrepancies(shop.pool(), [
      {
        id: ids[0] ?? '',
        delayMs: 60_000,
        verdict: 'rowless_marker',
        evidence: rowlessOf('a1').evidence,
      },
    ]);
    await recordRowless('a1');
    const after = await shop.ask(
      'select change_xid::text as stamp, next_check_at is null as due from reconciler.discrepancy',
    );
    expect(after).toEqual([{ stamp: rows[0]?.stamp, due: false }]);
  });

  it('takes the place of an attempt that the marker no longer names', async () => {
    const first = await recordRowless('a1');
    const second = await recordRowless('a2');
    expect(second).not.toBe(first);
    expect(
      await shop.ask('select state, resolution from reconciler.discrepancy order by discrepancy.id'),
    ).toEqual([
      { state: 'resolved', resolution: 'went_away' },
      { state: 'open', resolution: null },
    ]);
  });

  it('is kept for the longest key there may be', async () => {
    // Nothing that could be compressed, in characters of four bytes.
    const noise = createHash('shake256', { outputLength: 2_000 }).digest();
    const characters = Array.from({ length: 1_000 }, (_, at) =>
      String.fromCodePoint(0x10000 + (noise.readUInt16LE(2 * at) & 0xfff)),
    );
    const longest = characters.slice(0, 500).join('');
    expect(Buffer.byteLength(longest)).toBe(2_000);
    await recordRowless('a1', longest);
    const tooLong = await recordRowless('a1', characters.join('')).catch((error: unknown) => error);
    expect(isRefusedValue(tooLong)).toBe(true);
  });
});
