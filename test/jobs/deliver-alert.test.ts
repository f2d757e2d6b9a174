/**
 * One try to tell one receiver: what becomes of it when the program stops, dies or loses Postgres in the middle.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { run, type DeliveryResult } from '../../jobs/deliver-alert.ts';
import { silentReporter } from '../../jobs/job.ts';
import type { AlertMessage } from '../../src/domain/alert-message.ts';
import { raiseAlerts } from '../../src/postgres/alert.ts';
import { planDeliveries, readDueDeliveries } from '../../src/postgres/alert-delivery.ts';
import type { Send } from '../../src/receiver/open-receiver.ts';
import { useShopClaims } from '../postgres/shop-claims.ts';

const shop = useShopClaims();
const sent: AlertMessage[] = [];
const takes: Send = async (message) => {
  sent.push(message);
  return { kind: 'delivered' };
};
const refuses: Send = async () => ({
  kind: 'failed',
  reason: 'HTTP status 404',
  isLasting: true,
  waitMs: null,
});
let delivery = '';

beforeEach(async () => {
  sent.length = 0;
  const alert = {
    cause: 'gifts:stall',
    kind: 'stall',
    source: 'gifts',
    severity: 'warning',
    summary: 's',
  } as const;
  await raiseAlerts(shop.pool(), [alert]);
  await planDeliveries(shop.pool(), [{ name: 'oncall', severities: ['warning'] }], 60_000);
  delivery = (await readDueDeliveries(shop.pool(), ['oncall'], 1))[0]?.id ?? '';
});

async function tryOnce(send: Send | null, signal = new AbortController().signal): Promise<DeliveryResult> {
  const receivers = new Map(send === null ? [] : [['oncall', send]]);
  const deps = { pool: shop.pool(), receivers, runbook: 'https://wiki.example/claims' };
  return run({ delivery }, deps, silentReporter, signal);
}

/** Whatever was under way counts as broken off, and every pause is over. */
async function passTime(): Promise<void> {
  await shop.ask(
    `update reconciler.alert_delivery set next_try_at = clock_timestamp() where state = 'waiting'`,
  );
}

describe('a try', () => {
  it('that was taken is the last, whatever the queue runs again', async () => {
    expect(await tryOnce(takes)).toMatchObject({
      outcome: 'delivered',
      told: { receiver: 'oncall', attempts: 1 },
    });
    await passTime();
    expect(await tryOnce(takes)).toEqual({ outcome: 'nothing_to_do' });
    expect(sent).toMatchObject([{ kind: 'stall', runbook: 'https://wiki.example/claims#stall' }]);
  });

  it('run twice at the same time sends once', async () => {
    const results = await Promise.all([tryOnce(takes), tryOnce(takes)]);
    expect(results.map(({ outcome }) => outcome).toSorted()).toEqual(['delivered', 'nothing_to_do']);
    expect(sent).toHaveLength(1);
  });

  it('after which the program died is made again, under the same id', async () => {
    const dies: Send = async (message) => {
      sent.push(message);
      throw new Error('the process is gone');
    };
    await expect(tryOnce(dies)).rejects.toThrow('gone');
    expect(await tryOnce(takes)).toEqual({ outcome: 'nothing_to_do' });
    await passTime();
    expect(await tryOnce(takes)).toMatchObject({ outcome: 'delivered', told: { attempts: 2 } });
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    expect(sent).toHaveLength(2);
  });

  it('at a receiver that this process does not know is left to one that does', async () => {
    expect(await tryOnce(null)).toMatchObject({
      outcome: 'failed',
      error: 'this process knows no such receiver',
    });
    await passTime();
    expect(await tryOnce(takes)).toMatchObject({ outcome: 'delivered' });
  });

  it('that is refused again and again is given up; one that only failed in between starts the count anew', async () => {
    for (let tries = 1; tries < 8; tries += 1) {
      expect((await tryOnce(refuses)).outcome).toBe('failed');
      await passTime();
    }
    const fails: Send = async () => ({ kind: 'failed', reason: 'down', isLasting: false, waitMs: null });
    expect((await tryOnce(fails)).outcome).toBe('failed');
    for (let tries = 1; tries < 8; tries += 1) {
      await passTime();
      expect((await tryOnce(refuses)).outcome).toBe('failed');
    }
    await passTime();
    expect(await tryOnce(refuses)).toMatchObject({
      outcome: 'gave_up',
      told: { attempts: 16 },
      error: 'HTTP status 404',
    });
    await passTime();
    expect(await tryOnce(takes)).toEqual({ outcome: 'nothing_to_do' });
  });

  it('that failed for a day is given up', async () => {
    const fails: Send = async () => ({ kind: 'failed', reason: 'down', isLasting: false, waitMs: null });
    await tryOnce(fails);
    await shop.ask(
      `update reconciler.alert_delivery set first_try_at = clock_timestamp() - interval '23 hours'`,
    );
    await passTime();
    expect((await tryOnce(fails)).outcome).toBe('failed');
    await shop.ask(
      `update reconciler.alert_delivery set first_try_at = clock_timestamp() - interval '25 hours'`,
    );
    await passTime();
    expect((await tryOnce(fails)).outcome).toBe('gave_up');
  });
});
