/**
 * The outbox: what is to be told to whom, one try at a time, until it is taken or given up.
 */
import { describe, expect, it } from 'vitest';
import {
  acknowledgeAlert,
  raiseAlerts,
  resolveAlerts,
  type AlertSeverity,
} from '../../src/postgres/alert.ts';
import {
  beginTry,
  noteDelivered,
  noteFailed,
  planDeliveries,
  readDeliveryTroubles,
  readDueDeliveries,
} from '../../src/postgres/alert-delivery.ts';
import { severitiesFrom } from '../../src/domain/alert-message.ts';
import { useShopClaims } from './shop-claims.ts';

const shop = useShopClaims();
const longMs = 60_000;

async function raise(kind: string, severity: AlertSeverity = 'warning'): Promise<string> {
  const alert = { cause: `gifts:${kind}`, kind, source: 'gifts', severity, summary: `about ${kind}` };
  return (await raiseAlerts(shop.pool(), [alert]))[0]?.id ?? '';
}

async function plan(...receivers: [string, AlertSeverity][]): Promise<void> {
  const wanted = receivers.map(([name, least]) => ({ name, severities: severitiesFrom(least) }));
  await planDeliveries(shop.pool(), wanted, longMs);
}

/** What is due, as `receiver kind transition`. */
async function due(receivers = ['oncall', 'chat'], perReceiver = 10): Promise<string[]> {
  const rows = await readDueDeliveries(shop.pool(), receivers, perReceiver);
  return rows.map(({ receiver, kind, transition }) => `${receiver} ${kind} ${transition}`);
}

async function firstDue(): Promise<string> {
  return (await readDueDeliveries(shop.pool(), ['oncall'], 1))[0]?.id ?? '';
}

async function fail(
  id: string,
  delayMs: number | null,
  error = 'HTTP status 500',
  refusals = 0,
): Promise<void> {
  const begun = await beginTry(shop.pool(), id, longMs);
  await noteFailed(shop.pool(), id, { attempts: begun?.attempts ?? 0, refusals, error, delayMs });
}

async function take(): Promise<void> {
  for (const { id } of await readDueDeliveries(shop.pool(), ['oncall', 'chat'], 10)) {
    await noteDelivered(shop.pool(), id);
  }
}

describe('what is to be told', () => {
  it('is each alert, once, to whoever wants it', async () => {
    await raise('stall');
    await raise('brake', 'critical');
    await plan(['oncall', 'critical'], ['chat', 'warning']);
    expect(await due()).toEqual(['chat stall opened', 'chat brake opened', 'oncall brake opened']);
    await plan(['oncall', 'critical'], ['chat', 'warning']);
    await raise('stall');
    await plan(['oncall', 'critical'], ['chat', 'warning']);
    expect(await due()).toHaveLength(3);
    await plan();
    expect(await due([])).toEqual([]);
  });

  it('is planned once, by however many at the same time', async () => {
    for (const kind of ['a', 'b', 'c']) await raise(kind);
    await Promise.all(Array.from({ length: 8 }, async () => plan(['oncall', 'warning'])));
    expect(await due()).toEqual(['oncall a opened', 'oncall b opened', 'oncall c opened']);
  });

  it('is that it is over only after it was taken that it began', async () => {
    await raise('stall');
    await plan(['oncall', 'warning']);
    await resolveAlerts(shop.pool(), ['gifts:stall']);
    await plan(['oncall', 'warning']);
    expect(await due()).toEqual(['oncall stall opened']);
    await take();
    await plan(['oncall', 'warning']);
    expect(await due()).toEqual(['oncall stall resolved']);
    await take();
    await plan(['oncall', 'warning']);
    expect(await due()).toEqual([]);
  });

  it('is not that it is over when it was given up to tell that it began', async () => {
    await raise('stall');
    await plan(['oncall', 'warning']);
    await fail(await firstDue(), null);
    await resolveAlerts(shop.pool(), ['gifts:stall']);
    await plan(['oncall', 'warning']);
    expect(await due()).toEqual([]);
  });

  it('is also an alert that opened and ended between two looks', async () => {
    await plan(['oncall', 'warning']);
    await raise('stall');
    await resolveAlerts(shop.pool(), ['gifts:stall']);
    await plan(['oncall', 'warning']);
    expect(await due()).toEqual(['oncall stall opened']);
  });

  it('is that it is over also when it was taken late that it began, and nothing from before the last look', async () => {
    await raise('stall');
    await raise('brake');
    await plan(['oncall', 'warning']);
    await resolveAlerts(shop.pool(), ['gifts:stall']);
    await resolveAlerts(shop.pool(), ['gifts:brake']);
    await shop.ask(`update reconciler.alert set resolved_at = clock_timestamp() - interval '1 hour'`);
    const [stall, brake] = await readDueDeliveries(shop.pool(), ['oncall'], 2);
    for (const { id } of [stall, brake].flatMap((found) => found ?? [])) await noteDelivered(shop.pool(), id);
    await shop.ask(
      `update reconciler.alert_delivery set delivered_at = clock_timestamp() - interval '1 hour' where id = ${brake?.id}`,
    );
    await plan(['oncall', 'warning']);
    expect(await due()).toEqual(['oncall stall resolved']);
  });

  it('is to a new receiver what is open, and nothing that was over before', async () => {
    await raise('stall');
    await resolveAlerts(shop.pool(), ['gifts:stall']);
    await raise('brake');
    await plan(['newcomer', 'warning']);
    await plan(['newcomer', 'warning']);
    expect(await due(['newcomer'])).toEqual(['newcomer brake opened']);
  });

  it('is nothing when somebody takes an alert in hand, nor when it is seen again after that', async () => {
    const id = await raise('stall');
    await plan(['oncall', 'warning']);
    await take();
    await acknowledgeAlert(shop.pool(), id, 'ada');
    await raise('stall');
    await plan(['oncall', 'warning']);
    expect(await due()).toEqual([]);
    await resolveAlerts(shop.pool(), ['gifts:stall']);
    await plan(['oncall', 'warning']);
    expect(await due()).toEqual(['oncall stall resolved']);
  });

  it('is a cause that came again after its end', async () => {
    await raise('stall');
    await plan(['oncall', 'warning']);
    await take();
    await resolveAlerts(shop.pool(), ['gifts:stall']);
    await raise('stall');
    await plan(['oncall', 'warning']);
    expect((await due()).toSorted()).toEqual(['oncall stall opened', 'oncall stall resolved']);
  });

  it('is only so much per receiver at a time, the oldest first', async () => {
    for (const kind of ['a', 'b', 'c']) await raise(kind);
    await plan(['oncall', 'warning'], ['chat', 'warning']);
    expect(await due(['oncall', 'chat'], 2)).toEqual([
      'chat a opened',
      'chat b opened',
      'oncall a opened',
      'oncall b opened',
    ]);
  });
});

describe('a try', () => {
  it('is begun by one, and by another only when it counts as broken off', async () => {
    await raise('stall');
    await plan(['oncall', 'warning']);
    const id = await firstDue();
    const begun = await Promise.all(Array.from({ length: 8 }, async () => beginTry(shop.pool(), id, longMs)));
    expect(begun.filter((one) => one !== null)).toHaveLength(1);
    expect(await due()).toEqual([]);
    await shop.ask('update reconciler.alert_delivery set next_try_at = clock_timestamp()');
    expect(await beginTry(shop.pool(), id, longMs)).toMatchObject({ attempts: 2 });
  });

  it('carries the alert as it is by then, under an id that stays', async () => {
    const alertId = await raise('stall');
    await plan(['oncall', 'warning']);
    const id = await firstDue();
    const first = await beginTry(shop.pool(), id, 0);
    expect(first).toEqual({
      receiver: 'oncall',
      attempts: 1,
      refusals: 0,
      triedForMs: expect.any(Number),
      message: {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        transition: 'opened',
        alertId,
        cause: 'gifts:stall',
        kind: 'stall',
        source: 'gifts',
        severity: 'warning',
        summary: 'about stall',
        openedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/),
        resolvedAt: null,
      },
    });
    await shop.ask(`update reconciler.alert set summary = 'more by now'`);
    const second = await beginTry(shop.pool(), id, 0);
    expect(second?.message).toEqual({ ...first?.message, summary: 'more by now' });
  });

  it('that failed is followed by another when it is time, and by none when it is given up', async () => {
    await raise('stall');
    await plan(['oncall', 'warning']);
    const id = await firstDue();
    await fail(id, longMs, 'HTTP status 404', 1);
    expect(await due()).toEqual([]);
    expect(await beginTry(shop.pool(), id, longMs)).toBeNull();
    expect(await readDeliveryTroubles(shop.pool(), ['oncall', 'chat'])).toEqual([
      {
        receiver: 'oncall',
        waiting: 1,
        gaveUp: 0,
        lastError: 'HTTP status 404',
        nextTryAt: expect.any(String),
      },
    ]);
    await shop.ask('update reconciler.alert_delivery set next_try_at = clock_timestamp()');
    expect(await beginTry(shop.pool(), id, 0)).toMatchObject({ attempts: 2, refusals: 1 });
    await fail(id, null, 'HTTP status 410');
    expect(await due()).toEqual([]);
    expect(await readDeliveryTroubles(shop.pool(), ['oncall'])).toEqual([
      { receiver: 'oncall', waiting: 0, gaveUp: 1, lastError: 'HTTP status 410', nextTryAt: null },
    ]);
    expect(await readDeliveryTroubles(shop.pool(), ['chat'])).toEqual([]);
  });

  it('that counted as broken off does not speak for the one after it, unless it was taken', async () => {
    await raise('stall');
    await plan(['oncall', 'warning']);
    const id = await firstDue();
    const slow = await beginTry(shop.pool(), id, 0);
    await beginTry(shop.pool(), id, longMs);
    await noteFailed(shop.pool(), id, {
      attempts: slow?.attempts ?? 0,
      refusals: 0,
      error: 'late',
      delayMs: 0,
    });
    expect(await due()).toEqual([]);
    await noteDelivered(shop.pool(), id);
    await noteFailed(shop.pool(), id, { attempts: 2, refusals: 0, error: 'later', delayMs: null });
    expect(await shop.ask('select state, last_error from reconciler.alert_delivery')).toEqual([
      { state: 'delivered', last_error: null },
    ]);
  });
});
