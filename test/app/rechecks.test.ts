/**
 * Rechecks: where the next pass is far off, what waits is looked at when its time comes, and nothing else.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { run as runRecheck } from '../../jobs/recheck.ts';
import type { PassReport } from '../../src/reconcile/pass-report.ts';
import { openPassQueue } from '../../src/schedule/pass-queue.ts';
import { useProgram } from '../cli/support/program.ts';
import { reply, useGrantServer } from '../distributor/grant-server.ts';
import { silentReporter } from '../reconcile/support/job-deps.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import { knownDistributor } from '../reconcile/support/known-distributor.ts';
import type { Gift, World } from '../reconcile/support/world.ts';
import { waitFor } from '../support/wait-for.ts';
import { startShopDaemon } from './support/shop-daemon.ts';

const worlds = useWorlds();
const program = useProgram();
const distributor = useGrantServer();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

/** A pending claim that a pass asked about in vain: it waits. */
async function addWaiting(): Promise<Gift> {
  const gift = await world.addGift({ status: 'pending' });
  const nobody = knownDistributor();
  nobody.goAway(true);
  expect(await world.runPass({ distributor: nobody })).toMatchObject({ outcome: 'completed', open: 1 });
  return gift;
}

async function statusOf(gift: Gift): Promise<string | undefined> {
  const { rows } = await world.pool.query<{ status: string }>('select status from gift_claim where id = $1', [
    gift.id,
  ]);
  return rows[0]?.status;
}

/** Who asked for passes and rechecks that have ended, in order. */
async function asked(): Promise<string[]> {
  const { rows } = await world.pool.query<{ by: string }>(
    'select asked_by as by from reconciler.pass where ended_at is not null order by id',
  );
  return rows.map(({ by }) => by);
}

describe('a daemon', () => {
  it('settles what had to wait long before the next pass comes by', async () => {
    distributor.will(reply(200, { answer: 'granted' }));
    const daemon = await startShopDaemon(world, program, {
      schedule: '0 0 1 1 *',
      grace: '1s',
      distributor: `{ url: '${distributor.url()}', timeout: 500ms }`,
    });
    await daemon.started;
    const queue = openPassQueue({
      url: world.redisUrl,
      prefix: 'claim-reconciler:queue',
      onEvent: () => undefined,
    });
    try {
      await waitFor(async () => (await asked()).includes('schedule'), { what: 'the pass that catches up' });
      const gift = await addWaiting();
      await world.pool.query(
        `update reconciler.discrepancy set next_check_at = clock_timestamp() + interval '3 s'`,
      );
      await queue.enqueueByHand('gifts', 'ann');
      await waitFor(async () => (await statusOf(gift)) === 'granted', { what: 'the claim to be settled' });
      await waitFor(async () => (await asked()).at(-1) === 'recheck', { what: 'the end of the recheck' });
      expect((await world.repairs()).map(({ passId, outcome }) => [passId, outcome])).toEqual([
        [expect.any(String), 'applied'],
      ]);
    } finally {
      await queue.close(1_000);
      await daemon.stop();
    }
    expect(await asked()).toEqual(['schedule', 'test', 'ann', 'recheck']);
  });

  it('leaves it to the next pass where that comes soon', async () => {
    distributor.will(reply(500, 'away'));
    const daemon = await startShopDaemon(world, program, {
      schedule: '*/2 * * * * *',
      grace: '1s',
      distributor: `{ url: '${distributor.url()}', timeout: 500ms }`,
    });
    await daemon.started;
    try {
      await world.addGift({ status: 'pending' });
      await waitFor(async () => (await world.discrepancies()).length === 1, { what: 'the discrepancy' });
      const before = (await asked()).length;
      await waitFor(async () => (await asked()).length > before + 1, { what: 'a further pass' });
    } finally {
      await daemon.stop();
    }
    expect(await world.redis.exists('claim-reconciler:queue:rechecks:id')).toBe(0);
    expect(await asked()).not.toContain('recheck');
  });
});

const yes = knownDistributor();

async function recheck(): Promise<PassReport> {
  const deps = world.deps({ distributor: yes });
  return runRecheck({ source: 'gifts' }, deps, silentReporter, new AbortController().signal);
}

describe('a recheck', () => {
  it('looks at what is due and at nothing else: the checkpoint stays', async () => {
    const gift = await addWaiting();
    yes.knows(gift.attempt, { kind: 'granted' });
    const before = await world.checkpoint();
    const later = await world.addGift();
    await world.settle();
    expect(await recheck()).toMatchObject({ outcome: 'completed', repairs: { applied: 0 }, open: 1 });
    await world.letHoursPass();
    expect(await recheck()).toMatchObject({
      outcome: 'completed',
      checked: 0,
      repairs: { applied: 1 },
      open: 0,
      checkpoint: { from: before, to: before },
    });
    expect(await statusOf(gift)).toBe('granted');
    expect((await world.readMarker(gift.key))?.value).toBe(gift.attempt);
    expect(await world.readMarker(later.key)).toBeNull();
  });

  it('leaves a claim that was changed since to the pass that reads it', async () => {
    const gift = await addWaiting();
    yes.knows(gift.attempt, { kind: 'granted' });
    await world.pool.query(`update gift_claim set expires_at = expires_at + interval '1 second'`);
    await world.settle();
    await world.letHoursPass();
    expect(await recheck()).toMatchObject({ outcome: 'completed', repairs: { applied: 0 }, open: 1 });
    expect(await statusOf(gift)).toBe('pending');
    expect(await world.runPass({ distributor: yes })).toMatchObject({ repairs: { applied: 1 }, open: 0 });
  });
});
