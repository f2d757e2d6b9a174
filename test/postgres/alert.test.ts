/**
 * Alerts: one row per cause while it lasts, and gone with what it spoke for.
 */
import { describe, expect, it } from 'vitest';
import {
  acknowledgeAlert,
  linkAlert,
  raiseAlerts,
  readOpenAlerts,
  resolveAlerts,
  resolveSettledAlerts,
  type Alert,
} from '../../src/postgres/alert.ts';
import { resolveDiscrepancies } from '../../src/postgres/discrepancy.ts';
import { recordFound, source } from './discrepancies.ts';
import { useShopClaims } from './shop-claims.ts';

const shop = useShopClaims();

function alertOf(kind: string, changes: Partial<Alert> = {}): Alert {
  return {
    cause: `${source}:${kind}`,
    kind,
    source,
    severity: 'warning',
    summary: `about ${kind}`,
    ...changes,
  };
}

async function raise(...alerts: Alert[]): Promise<[string, boolean][]> {
  return (await raiseAlerts(shop.pool(), alerts)).map(({ cause, isNew }) => [cause, isNew]);
}

async function openKinds(): Promise<string[]> {
  return (await readOpenAlerts(shop.pool(), source)).map(({ kind }) => kind);
}

describe('an alert', () => {
  it('is new once, and only seen again while its cause lasts, with what is known by now', async () => {
    expect(await raise(alertOf('stall'), alertOf('in_doubt'))).toEqual([
      ['gifts:stall', true],
      ['gifts:in_doubt', true],
    ]);
    expect(await raise(alertOf('stall', { summary: 'pid 7' }))).toEqual([['gifts:stall', false]]);
    expect(await shop.ask('select kind, seen, summary from reconciler.alert order by id')).toEqual([
      { kind: 'stall', seen: 2, summary: 'pid 7' },
      { kind: 'in_doubt', seen: 1, summary: 'about in_doubt' },
    ]);
    expect(await raise()).toEqual([]);
  });

  it('raised by many at the same time is one', async () => {
    const raised = await Promise.all(Array.from({ length: 10 }, async () => raise(alertOf('stall'))));
    expect(raised.flat().filter(([, isNew]) => isNew)).toHaveLength(1);
    expect(await shop.ask('select seen from reconciler.alert')).toEqual([{ seen: 10 }]);
  });

  it('is acknowledged by the first who says so, and not when it is over or nowhere', async () => {
    const [{ id } = { id: '' }] = await raiseAlerts(shop.pool(), [alertOf('stall')]);
    const answers = await Promise.all(
      ['ada', 'ben'].map(async (by) => acknowledgeAlert(shop.pool(), id, by)),
    );
    expect(answers.toSorted()).toEqual(['acknowledged', 'not_open']);
    const by = answers[0] === 'acknowledged' ? 'ada' : 'ben';
    expect(
      await shop.ask(
        'select state, acknowledged_by as by, acknowledged_at is not null as dated from reconciler.alert',
      ),
    ).toEqual([{ state: 'acknowledged', by, dated: true }]);
    await resolveAlerts(shop.pool(), ['gifts:stall']);
    expect(await acknowledgeAlert(shop.pool(), id, 'ada')).toBe('not_open');
    for (const nowhere of ['999', '', '-1', 'x', '1; drop', '9'.repeat(40)]) {
      expect(await acknowledgeAlert(shop.pool(), nowhere, 'ada')).toBe('not_found');
    }
  });

  it('that somebody acknowledged does not come again, and says what is known by now', async () => {
    const [{ id } = { id: '' }] = await raiseAlerts(shop.pool(), [alertOf('stall')]);
    await acknowledgeAlert(shop.pool(), id, 'ada');
    expect(await raise(alertOf('stall', { summary: 'pid 8' }))).toEqual([['gifts:stall', false]]);
    expect(await openKinds()).toEqual([]);
    expect(await shop.ask('select state, summary from reconciler.alert')).toEqual([
      { state: 'acknowledged', summary: 'pid 8' },
    ]);
  });

  it('comes again as a new one when its cause comes again after its end', async () => {
    await raise(alertOf('stall'), alertOf('brake'));
    await resolveAlerts(shop.pool(), ['gifts:stall']);
    expect(await openKinds()).toEqual(['brake']);
    await resolveAlerts(shop.pool(), ['gifts:stall']);
    expect(await raise(alertOf('stall'))).toEqual([['gifts:stall', true]]);
    expect(await shop.ask('select from reconciler.alert')).toHaveLength(3);
  });

  it('is told in the order in which it was raised, and those of other sources are not', async () => {
    const kinds = Array.from({ length: 12 }, (_, at) => `kind ${at}`);
    for (const kind of kinds) await raise(alertOf(kind));
    await raise(alertOf('other', { source: 'orders', cause: 'orders:other' }));
    expect(await openKinds()).toEqual(kinds);
  });

  it('ends when the last discrepancy that it speaks for is settled; one that speaks for none does not', async () => {
    await recordFound(shop.pool(), '1', '2', '3');
    const raised = await raiseAlerts(shop.pool(), [alertOf('missing_marker'), alertOf('brake')]);
    await linkAlert(shop.pool(), raised[0]?.id ?? '', ['1', '2']);
    await resolveDiscrepancies(shop.pool(), ['1'], 'went_away');
    await resolveSettledAlerts(shop.pool(), source);
    expect(await openKinds()).toEqual(['missing_marker', 'brake']);
    await resolveDiscrepancies(shop.pool(), ['2'], 'ignored');
    await resolveSettledAlerts(shop.pool(), 'orders');
    expect(await openKinds()).toEqual(['missing_marker', 'brake']);
    await resolveSettledAlerts(shop.pool(), source);
    expect(await openKinds()).toEqual(['brake']);
  });
});
