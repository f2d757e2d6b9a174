/**
 * Discrepancies and their life: open once per claim, due in turn, closed for a reason.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  countOpen,
  holdDiscrepancy,
  makeDue,
  postponeDiscrepancies,
  readDueDiscrepancies,
  readOpenDiscrepancies,
  recordDiscrepancies,
  recordRowless,
  resolveDiscrepancies,
  type FoundDiscrepancy,
  type FoundRowless,
  type OpenDiscrepancy,
} from '../../src/postgres/discrepancy.ts';
import { evidenceOf, foundOf, recordFound, source, startPass } from './discrepancies.ts';
import { useShopClaims } from './shop-claims.ts';

const shop = useShopClaims();
const present = (value: string, expiresInMs: number | null): FoundDiscrepancy['evidence'] =>
  evidenceOf({ kind: 'present', value, expiresInMs });

let passId: string;
beforeEach(async () => {
  passId = await startPass(shop.pool());
});

async function record(...found: FoundDiscrepancy[]): Promise<void> {
  await recordDiscrepancies(shop.pool(), source, passId, found);
}

async function due(afterId = '0', rowsMax = 100): Promise<OpenDiscrepancy[]> {
  return readDueDiscrepancies(shop.pool(), source, { afterId, rowsMax });
}

async function dueIds(): Promise<string[]> {
  return (await due()).map(({ claimId }) => claimId ?? 'none');
}

async function versionOf(id: string): Promise<unknown> {
  const [row] = await shop.ask(
    'select change_xid::text as version from reconciler.discrepancy where id = $1',
    [id],
  );
  return row?.['version'];
}

async function letPass(seconds: number): Promise<void> {
  await shop.ask(
    `update reconciler.discrepancy set next_check_at = next_check_at - $1 * interval '1 second',
       first_seen_at = first_seen_at - $1 * interval '1 second', marker_since = marker_since - $1 * interval '1 second'`,
    [seconds],
  );
}

describe('a discrepancy', () => {
  it('is due as soon as it is recorded, with what was read', async () => {
    const evidence = present('a\u0001"\\漢', 5_000);
    await record(foundOf('7', { verdict: 'wrong_expiry', evidence }));
    expect(await due()).toEqual([
      {
        id: '1',
        claimId: '7',
        changeXid: '1001',
        verdict: 'wrong_expiry',
        evidence,
        markerAgeMs: expect.any(Number),
        checks: 0,
        held: false,
      },
    ]);
    expect(await countOpen(shop.pool(), source)).toBe(1);
    expect(await countOpen(shop.pool(), 'orders')).toBe(0);
  });

  it('is one row per claim while it is open: seen again it is brought up to date, and due at once', async () => {
    await record(foundOf('7'), foundOf('8'));
    await postponeDiscrepancies(shop.pool(), [
      { id: '1', delayMs: 60_000, verdict: 'missing_marker', evidence: evidenceOf() },
    ]);
    expect(await dueIds()).toEqual(['8']);
    await record(foundOf('7', { verdict: 'orphan_marker', changeXid: '2002', evidence: present('a1', 1) }));
    const [again] = await due();
    expect(again).toMatchObject({ id: '1', verdict: 'orphan_marker', checks: 1 });
    expect(await versionOf('1')).toBe('2002');
    expect(await countOpen(shop.pool(), source)).toBe(2);
  });

  it('that is found again after it was settled is a new one', async () => {
    await record(foundOf('7'));
    await resolveDiscrepancies(shop.pool(), ['1'], 'repaired');
    await record(foundOf('7'));
    expect((await due()).map(({ id }) => id)).toEqual(['2']);
    expect(await shop.ask('select from reconciler.discrepancy')).toHaveLength(2);
  });

  it('holds text that Postgres cannot: U+0000 is kept as the sign for it', async () => {
    await record(foundOf('7', { evidence: present('a\u0000b', 1) }));
    expect((await due())[0]?.evidence.marker).toMatchObject({ value: 'a\u2400b' });
  });

  it('recorded by two at once is one', async () => {
    await Promise.all(Array.from({ length: 8 }, async () => record(foundOf('7'))));
    expect(await countOpen(shop.pool(), source)).toBe(1);
  });
});

describe('a marker without a row', () => {
  const open = { markerKey: 'gift:7', markerValue: 'a1', attempt: 'a1', columns: { uid: 7 }, expiresAtMs: 1 };
  const rowless = (value: string): FoundRowless => ({
    markerKey: 'gift:7',
    verdict: 'rowless_marker',
    evidence: { ...present(value, 5_000), claim: { kind: 'no_row', open } },
  });

  it('is recorded once, with what its row would be, and keeps its backoff', async () => {
    const recordIt = (value: string): Promise<string[]> =>
      recordRowless(shop.pool(), source, passId, [rowless(value)]);
    expect(await recordIt('a1')).toEqual(['gift:7']);
    expect(await due()).toMatchObject([
      { id: '1', claimId: null, verdict: 'rowless_marker', evidence: rowless('a1').evidence },
    ]);
    const { evidence, verdict } = rowless('a1');
    await postponeDiscrepancies(shop.pool(), [{ id: '1', delayMs: 60_000, verdict, evidence }]);
    expect(await recordIt('a2')).toEqual([]);
    expect(await due()).toEqual([]);
    await resolveDiscrepancies(shop.pool(), ['1'], 'went_away');
    expect(await recordIt('a1')).toEqual(['gift:7']);
    expect(await recordRowless(shop.pool(), source, passId, [])).toEqual([]);
  });
});

describe('due discrepancies', () => {
  it('are read page by page in the order they were found, each once', async () => {
    const ids = Array.from({ length: 25 }, (_, at) => String(at + 1));
    await record(...ids.map((id) => foundOf(id)));
    const read: string[] = [];
    for (let page = await due('0', 4); page.length > 0; page = await due(page.at(-1)?.id, 4)) {
      read.push(...page.map(({ claimId }) => claimId ?? 'none'));
    }
    expect(read).toEqual(ids);
  });

  it('are left alone until their time has come; makeDue brings it forward', async () => {
    await record(foundOf('7'), foundOf('8'));
    const evidence = evidenceOf();
    await postponeDiscrepancies(shop.pool(), [
      { id: '1', delayMs: 60_000, verdict: 'missing_marker', evidence },
      { id: '2', delayMs: 120_000, verdict: 'missing_marker', evidence },
    ]);
    expect(await dueIds()).toEqual([]);
    await letPass(60);
    expect(await dueIds()).toEqual(['7']);
    await makeDue(shop.pool(), 'orders');
    expect(await dueIds()).toEqual(['7']);
    await makeDue(shop.pool(), source);
    expect(await dueIds()).toEqual(['7', '8']);
  });

  it('know for how long the marker has been as it is: a new value or a new end begins anew, a running clock does not', async () => {
    const at = (laterMs: number, value: string, expiresInMs: number): FoundDiscrepancy['evidence'] => {
      const evidence = present(value, expiresInMs);
      return { ...evidence, atMs: evidence.atMs + laterMs };
    };
    await record(foundOf('7', { evidence: at(0, 'a2', 90_000) }));
    await letPass(100);
    await record(foundOf('7', { evidence: at(10_000, 'a2', 80_000) }));
    const postpone = async (evidence: FoundDiscrepancy['evidence']): Promise<number> => {
      const verdict = 'conflicting_marker';
      await postponeDiscrepancies(shop.pool(), [{ id: '1', delayMs: 0, verdict, evidence }]);
      return (await due())[0]?.markerAgeMs ?? NaN;
    };
    expect(await postpone(at(20_000, 'a2', 70_000))).toBeGreaterThanOrEqual(100_000);
    expect(await postpone(at(21_000, 'a2', 90_000))).toBeLessThan(100_000);
    await letPass(100);
    expect(await postpone(at(22_000, 'a3', 89_000))).toBeLessThan(100_000);
    await letPass(100);
    expect(await postpone(evidenceOf())).toBeLessThan(100_000);
    await letPass(100);
    await record(foundOf('7', { evidence: present('a3', 70_000) }));
    expect((await due())[0]?.markerAgeMs).toBeLessThan(100_000);
  });

  it('are counted how often they were looked at, with what they look like now', async () => {
    await record(foundOf('7'));
    const evidence = present('a2', null);
    for (const checks of [1, 2]) {
      await postponeDiscrepancies(shop.pool(), [
        { id: '1', delayMs: 0, verdict: 'conflicting_marker', evidence },
      ]);
      expect(await due()).toMatchObject([{ checks, verdict: 'conflicting_marker', evidence }]);
    }
  });

  it('take over the version of the row that was looked at, where there is a row', async () => {
    await record(foundOf('7'));
    const verdict = 'missing_marker';
    const claim = { kind: 'unreadable', id: '7', changeXid: '2002', markerKey: null, reason: '' } as const;
    for (const evidence of [{ ...evidenceOf(), claim }, evidenceOf()]) {
      await postponeDiscrepancies(shop.pool(), [{ id: '1', delayMs: 0, verdict, evidence }]);
      expect(await versionOf('1')).toBe('2002');
    }
  });

  it('are found by the claims that a person names, due or not, held or not', async () => {
    await record(foundOf('7'), foundOf('8'), foundOf("it's:9"));
    await postponeDiscrepancies(shop.pool(), [
      { id: '2', delayMs: 60_000, verdict: 'missing_marker', evidence: evidenceOf() },
    ]);
    await resolveDiscrepancies(shop.pool(), ['1'], 'went_away');
    const named = await readOpenDiscrepancies(shop.pool(), source, ['7', '8', "it's:9", 'nobody']);
    expect(named.map(({ claimId }) => claimId ?? 'none').toSorted()).toEqual(['8', "it's:9"]);
  });
});

describe('an end', () => {
  it.each(['repaired', 'went_away', 'ignored'] as const)(
    'is kept with its reason (%s), and final',
    async (resolution) => {
      await record(foundOf('7'));
      await resolveDiscrepancies(shop.pool(), ['1'], resolution);
      await resolveDiscrepancies(shop.pool(), ['1'], 'ignored');
      expect(await dueIds()).toEqual([]);
      expect(
        await shop.ask(
          'select state, resolution, resolved_at is not null as ended from reconciler.discrepancy',
        ),
      ).toEqual([{ state: 'resolved', resolution, ended: true }]);
      await postponeDiscrepancies(shop.pool(), [
        { id: '1', delayMs: 0, verdict: 'missing_marker', evidence: evidenceOf() },
      ]);
      expect(await shop.ask('select checks from reconciler.discrepancy')).toEqual([{ checks: 0 }]);
    },
  );

  it('counts as repaired where it went away after a repair of ours had been applied', async () => {
    await record(foundOf('7'), foundOf('8'));
    await shop.ask(
      `insert into reconciler.repair (discrepancy_id, source, action, marker_key, intent, before, done_by,
         fencing_token, outcome, ended_at)
       values (1, $1, 'a', 'k', '{}', '{}', 'test', 1, 'applied', now()), (2, $1, 'a', 'k', '{}', '{}', 'test', 1, 'failed', now())`,
      [source],
    );
    await resolveDiscrepancies(shop.pool(), ['1', '2'], 'went_away');
    expect(await shop.ask('select resolution from reconciler.discrepancy order by id')).toEqual([
      { resolution: 'repaired' },
      { resolution: 'went_away' },
    ]);
  });

  it('outlives the pass that found it', async () => {
    await recordFound(shop.pool(), '7');
    await shop.ask('delete from reconciler.pass');
    expect(await dueIds()).toEqual(['7']);
  });
});

describe('what a person undid', () => {
  it('is open again, and held, also when it is found again, until it is settled', async () => {
    await record(foundOf('7'));
    await resolveDiscrepancies(shop.pool(), ['1'], 'repaired');
    await holdDiscrepancy(shop.pool(), '1');
    await makeDue(shop.pool(), source);
    await record(foundOf('7'));
    expect(await due()).toMatchObject([{ id: '1', held: true }]);
    expect(await readOpenDiscrepancies(shop.pool(), source, ['7'])).toMatchObject([{ held: true }]);
    await resolveDiscrepancies(shop.pool(), ['1'], 'went_away');
    await record(foundOf('7'));
    expect(await due()).toMatchObject([{ claimId: '7', held: false }]);
  });

  it('holds the other that is open for the same claim by now, and does not come back beside it', async () => {
    await record(foundOf('7'));
    await resolveDiscrepancies(shop.pool(), ['1'], 'repaired');
    await record(foundOf('7'), foundOf('8'));
    await holdDiscrepancy(shop.pool(), '1');
    expect((await due()).map(({ id, held }) => [id, held])).toEqual([
      ['2', true],
      ['3', false],
    ]);
  });
});
