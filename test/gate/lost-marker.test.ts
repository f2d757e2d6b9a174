/**
 * Redis has lost a marker, or its window was shorter than the claim's life: Postgres still knows, and the marker comes back.
 */
import { describe, expect, it } from 'vitest';
import type { GrantAnswer } from '../../src/domain/distributor.ts';
import { dayMs, grabSource } from './support/claim-tables.ts';
import { useGates } from './support/use-gates.ts';

const gates = useGates();
const gift = { activity_id: 7, gift_id: 1, uid: 100_180 };
const key = 'gift:7:1:100180';

describe('a marker that Redis lost', () => {
  it.each(['granted', 'pending'])(
    'of a %s claim comes back with the next claim, which is lost',
    async (status) => {
      const gate = await gates.open();
      await gate.claim({ attempt: 'a1', columns: gift, ttlMs: 2 * dayMs });
      await gates.pool().query('update gift_claim set status = $1', [status]);
      await gates.client().flushdb();
      expect(await gate.claim({ attempt: 'a2', columns: gift })).toEqual({
        kind: 'already_claimed',
        holder: 'a1',
      });
      await gate.finish();
      expect(await gates.client().get(key)).toBe('a1');
      const leftMs = await gates.client().pttl(key);
      expect(leftMs).toBeGreaterThan(dayMs);
      expect(leftMs).toBeLessThanOrEqual(2 * dayMs);
      expect(await gates.listed()).toEqual([]);
      expect(gate.distributor.asked).toHaveLength(1);
      expect(gate.troubles).toEqual([]);
    },
  );

  it('comes back for the attempt it belongs to, which recognises itself', async () => {
    const gate = await gates.open();
    await gate.claim({ attempt: 'a1', columns: gift });
    await gates.client().flushdb();
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toEqual({
      kind: 'already_claimed',
      holder: 'a1',
    });
    await gate.finish();
    expect(await gates.client().get(key)).toBe('a1');
    expect(await gates.listed()).toEqual([]);
  });

  it('comes back once however many claims come at once', async () => {
    const gate = await gates.open({ distributorTimeoutMs: 30_000, redisTimeoutMs: 30_000 });
    await gate.claim({ attempt: 'a1', columns: gift });
    await gates.client().flushdb();
    const answers = await Promise.all(Array.from({ length: 50 }, async () => gate.claim({ columns: gift })));
    expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['already_claimed']));
    await gate.finish();
    expect(await gates.client().get(key)).toBe('a1');
    expect(await gates.rows()).toHaveLength(1);
    expect(await gates.listed()).toEqual([]);
  });

  it('does not come back where the window of the live claim is over, and stands in nobody’s way', async () => {
    const gate = await gates.open({ source: grabSource });
    await gate.claim({ columns: { order_id: 5, driver_id: 9 } });
    await gates.pool().query(`update order_grab set grabbed_at = grabbed_at - interval '1 hour'`);
    await gates.client().flushdb();
    const answer = await gate.claim({ columns: { order_id: 5, driver_id: 10 } });
    expect(answer).toEqual({ kind: 'already_claimed', holder: '9' });
    await gate.finish();
    expect(await gates.client().dbsize()).toBe(0);
  });
});

describe('an attempt that has a row already', () => {
  it('is refused for good once it was released', async () => {
    const gate = await gates.open();
    gate.distributor.does(async () => ({ kind: 'refused', reason: 'sold out' }));
    await gate.claim({ attempt: 'a1', columns: gift });
    gate.distributor.does(null);
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('needs a new attempt'),
      claimId: '1',
    });
    expect(await gates.client().dbsize()).toBe(0);
    expect(gate.distributor.asked).toHaveLength(1);
  });

  it('cannot be used for another thing', async () => {
    const gate = await gates.open();
    await gate.claim({ attempt: 'a1', columns: gift });
    const claiming = gate.claim({ attempt: 'a1', columns: { ...gift, uid: 2 } });
    await expect(claiming).rejects.toMatchObject({
      code: 'bad_claim',
      message: expect.stringMatching(/a1 belongs to claim 1 already/),
    });
    expect(await gates.client().exists('gift:7:1:2')).toBe(0);
    expect(await gates.client().get(key)).toBe('a1');
    expect(gate.distributor.asked).toHaveLength(1);
  });
});

describe('a claim that moved on while the distributor was asked', () => {
  /** Does something to the stores, then grants. */
  const grantAfter =
    (change: () => Promise<unknown>, handOut: () => GrantAnswer) => async (): Promise<GrantAnswer> => {
      await change();
      return handOut();
    };

  it('to granted is granted', async () => {
    const gate = await gates.open();
    const change = async () => gates.pool().query(`update gift_claim set status = 'granted'`);
    gate.distributor.does(grantAfter(change, () => ({ kind: 'granted' })));
    expect(await gate.claim({ columns: gift })).toMatchObject({ kind: 'granted' });
    await gate.finish();
    expect(await gates.listed()).toEqual([]);
    expect(gate.troubles).toEqual([]);
  });

  it('to released is granted again, and has its marker again', async () => {
    const gate = await gates.open();
    const change = async () => {
      await gates.pool().query(`update gift_claim set status = 'revoked'`);
      await gates.client().del(key);
    };
    gate.distributor.does(grantAfter(change, () => ({ kind: 'granted' })));
    expect(await gate.claim({ attempt: 'a1', columns: gift, ttlMs: dayMs })).toMatchObject({
      kind: 'granted',
    });
    await gate.finish();
    expect((await gates.rows()).map(({ status }) => status)).toEqual(['granted']);
    expect(await gates.client().get(key)).toBe('a1');
    const leftMs = await gates.client().pttl(key);
    expect(leftMs).toBeGreaterThan(dayMs - 60_000);
    expect(leftMs).toBeLessThanOrEqual(dayMs);
    expect(await gates.listed()).toEqual([]);
  });

  it('to released, with another in its place, is a double grant: told at once, with both', async () => {
    const gate = await gates.open();
    const other = await gates.open();
    const change = async () => {
      await gates.pool().query(`update gift_claim set status = 'failed'`);
      await gates.client().del(key);
      expect(await other.claim({ attempt: 'a2', columns: gift })).toMatchObject({ kind: 'granted' });
    };
    gate.distributor.does(grantAfter(change, () => ({ kind: 'granted' })));
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({
      kind: 'granted',
      attempt: 'a1',
    });
    expect(gate.troubles).toMatchObject([
      {
        code: 'double_grant',
        message: expect.stringMatching(
          /gift:7:1:100180 to attempt a1 \(claim 1\).* to attempt a2 \(claim 2, granted\)/,
        ),
      },
    ]);
    await gate.finish();
    expect(await gates.client().get(key)).toBe('a2');
    expect((await gates.rows()).map(({ status }) => status)).toEqual(['failed', 'granted']);
  });

  it('to released, and was refused, is refused: the marker of the next one is left alone', async () => {
    const gate = await gates.open();
    gate.distributor.does(async () => {
      await gates.pool().query(`update gift_claim set status = 'failed'`);
      await gates.client().set(key, 'a2', 'PX', dayMs);
      return { kind: 'refused', reason: 'sold out' };
    });
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({ kind: 'refused' });
    await gate.finish();
    expect(await gates.client().get(key)).toBe('a2');
    expect(await gates.listed()).toEqual([]);
  });
});

describe('the marker of a refused claim', () => {
  it('is left alone when somebody set it again with the same value and more time', async () => {
    const gate = await gates.open({ source: grabSource });
    gate.distributor.does(async () => {
      await gates.client().set('order:5', '9', 'PX', dayMs);
      return { kind: 'refused', reason: 'taken' };
    });
    expect(await gate.claim({ columns: { order_id: 5, driver_id: 9 } })).toMatchObject({ kind: 'refused' });
    expect(await gates.client().get('order:5')).toBe('9');
  });
});

describe('the row of a claim that is gone when the distributor has spoken', () => {
  it('and it was granted: the claim stays listed, so that the row is written again, and it is told', async () => {
    const gate = await gates.open();
    gate.distributor.does(async (grant) => {
      await gates.pool().query('delete from gift_claim');
      return gate.distributor.handOut(grant);
    });
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({ kind: 'granted' });
    await gate.finish();
    expect(await gates.listed()).toEqual(['a1']);
    expect(await gates.client().get(key)).toBe('a1');
    expect(gate.troubles).toMatchObject([
      { code: 'not_found', message: expect.stringMatching(/gift:7:1:100180, attempt a1.*row is gone/) },
    ]);
  });

  it('and it was refused: the marker is deleted', async () => {
    const gate = await gates.open();
    gate.distributor.does(async () => {
      await gates.pool().query('delete from gift_claim');
      return { kind: 'refused', reason: 'sold out' };
    });
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({ kind: 'refused' });
    await gate.finish();
    expect(await gates.client().get(key)).toBeNull();
    expect(await gates.listed()).toEqual([]);
  });
});
