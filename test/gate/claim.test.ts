/**
 * What a claim leaves in the two stores, and what it is answered, while everything works.
 */
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../src/domain/operating-error.ts';
import { couponSource, dayMs, grabSource, grabWindowMs } from './support/claim-tables.ts';
import { useGates } from './support/use-gates.ts';

const gates = useGates();
const gift = { activity_id: 7, gift_id: 1, uid: 100_180 };
const key = 'gift:7:1:100180';

describe('a claim', () => {
  it('is granted: row, marker with its window, and nothing left in the index', async () => {
    const gate = await gates.open();
    const answer = await gate.claim({ columns: { ...gift, note: 'x' } });
    expect(answer).toEqual({
      kind: 'granted',
      attempt: expect.stringMatching(/^[\da-f-]{36}$/),
      claimId: '1',
    });
    await gate.finish();
    const [row] = await gates.rows();
    const attempt = answer.kind === 'granted' ? answer.attempt : '';
    expect(row).toMatchObject({ uid: '100180', status: 'granted', attempt_id: attempt, note: 'x' });
    expect(await gates.client().get(key)).toBe(attempt);
    expect(await gates.listed()).toEqual([]);
    expect(gate.troubles).toEqual([]);
    expect(gate.counts()).toEqual({ granted: 1, already_claimed: 0, refused: 0, unknown: 0, failed: 0 });
  });

  it('tells the distributor what it is about, and until when', async () => {
    const gate = await gates.open({ distributorTimeoutMs: 30_000 });
    const beforeMs = Date.now();
    await gate.claim({ attempt: 'a1', columns: gift });
    const [grant] = gate.distributor.asked;
    expect(grant).toMatchObject({
      attempt: 'a1',
      markerKey: key,
      claim: { ...gift, attempt_id: 'a1', status: 'pending' },
    });
    expect(grant?.notAfterMs).toBeGreaterThanOrEqual(beforeMs + 30_000);
    expect(grant?.notAfterMs).toBeLessThanOrEqual(Date.now() + 30_000);
  });

  it('is refused: the row is released, the marker gone, and another may claim at once', async () => {
    const gate = await gates.open();
    gate.distributor.does(async () => ({ kind: 'refused', reason: 'sold out' }));
    const answer = await gate.claim({ attempt: 'a1', columns: gift });
    expect(answer).toEqual({ kind: 'refused', reason: 'sold out', attempt: 'a1', claimId: '1' });
    expect(await gates.client().exists(key)).toBe(0);
    expect(await gates.listed()).toEqual([]);
    gate.distributor.does(null);
    expect(await gate.claim({ attempt: 'a2', columns: gift })).toMatchObject({
      kind: 'granted',
      claimId: '2',
    });
    expect((await gates.rows()).map(({ status }) => status)).toEqual(['failed', 'granted']);
  });

  it.each([
    ['says that it does not know', async () => ({ kind: 'unknown', reason: 'try later' }) as const],
    ['throws', async () => Promise.reject(new Error('connection reset'))],
    ['says what is no answer', async () => JSON.parse('{"kind":"yes"}') as never],
  ])('is unknown when the distributor %s: row, marker and entry stay', async (_, behaviour) => {
    const gate = await gates.open();
    gate.distributor.does(behaviour);
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({
      kind: 'unknown',
      attempt: 'a1',
    });
    await gate.finish();
    expect((await gates.rows()).map(({ status }) => status)).toEqual(['pending']);
    expect(await gates.client().get(key)).toBe('a1');
    expect(await gates.listed()).toEqual(['a1']);
  });

  it('is unknown when the distributor is slow, although it hands out in the end', async () => {
    const gate = await gates.open({ distributorTimeoutMs: 50 });
    gate.distributor.does(
      async (grant, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(gate.distributor.handOut(grant)));
        }),
    );
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({ kind: 'unknown' });
    expect((await gates.rows()).map(({ status }) => status)).toEqual(['pending']);
    expect(await gates.client().get(key)).toBe('a1');
  });

  it('is lost to the one that came first, whose value is told', async () => {
    const gate = await gates.open();
    await gate.claim({ attempt: 'a1', columns: gift });
    expect(await gate.claim({ columns: gift })).toEqual({ kind: 'already_claimed', holder: 'a1' });
    await gates.client().del(key);
    await gates.client().rpush(key, 'a list');
    expect(await gate.claim({ columns: gift })).toEqual({ kind: 'already_claimed', holder: null });
    expect(await gates.rows()).toHaveLength(1);
    expect(gate.counts()).toMatchObject({ granted: 1, already_claimed: 2 });
  });

  it('that comes again with its attempt recognises itself, and is handed out once', async () => {
    const gate = await gates.open();
    const attempt = { attempt: 'a1', columns: gift };
    expect(await gate.claim(attempt)).toMatchObject({ kind: 'granted' });
    expect(await gate.claim(attempt)).toEqual({ kind: 'already_claimed', holder: 'a1' });
    expect(await gate.lookup('a1')).toEqual({ kind: 'granted', claimId: '1' });
    expect(gate.distributor.asked).toHaveLength(1);
  });

  it('is rejected once the gate is closed', async () => {
    const gate = await gates.open();
    await gate.close();
    const claiming = gate.claim({ columns: gift });
    await expect(claiming).rejects.toMatchObject({ code: 'not_ready' });
    expect(await gates.client().dbsize()).toBe(0);
  });
});

describe('the window of the marker', () => {
  it('is as long as the claim says, on both sides', async () => {
    const gate = await gates.open();
    await gate.claim({ attempt: 'a1', columns: gift, ttlMs: 3_600_000 });
    await expectLeft(key, 3_600_000);
    const { rows } = await gates
      .pool()
      .query<{ left: number }>(
        `select extract(epoch from expires_at - now())::float8 * 1000 as left from gift_claim`,
      );
    expect(Math.abs((rows[0]?.left ?? 0) - 3_600_000)).toBeLessThan(60_000);
  });

  it('ends when the claim says, on both sides', async () => {
    const gate = await gates.open();
    const expiresAt = new Date(Date.now() + 2 * dayMs);
    await gate.claim({ columns: gift, expiresAt });
    await expectLeft(key, 2 * dayMs);
    const { rows } = await gates.pool().query<{ expires_at: Date }>('select expires_at from gift_claim');
    expect(rows[0]?.expires_at).toEqual(expiresAt);
  });

  it('is as long as the source says where it begins with the claim', async () => {
    const gate = await gates.open({ source: grabSource });
    expect(await gate.claim({ columns: { order_id: 5, driver_id: 9n } })).toMatchObject({ kind: 'granted' });
    await expectLeft('order:5', grabWindowMs);
    expect(await gates.client().get('order:5')).toBe('9');
  });
});

/** Never without an expiry, and never beyond what was asked for. */
async function expectLeft(markerKey: string, ttlMs: number): Promise<void> {
  const leftMs = await gates.client().pttl(markerKey);
  expect(leftMs).toBeGreaterThan(Math.max(0, ttlMs - 60_000));
  expect(leftMs).toBeLessThanOrEqual(ttlMs);
}

describe('what became of an attempt', () => {
  it('is told by its row', async () => {
    const gate = await gates.open();
    expect(await gate.lookup('a1')).toEqual({ kind: 'not_found' });
    await gate.claim({ attempt: 'a1', columns: gift });
    expect(await gate.lookup('a1')).toEqual({ kind: 'granted', claimId: '1' });
    for (const [status, state] of [
      ['failed', { kind: 'refused', claimId: '1' }],
      ['pending', { kind: 'unknown', claimId: '1', reason: expect.stringContaining('under way') }],
      ['shipped', { kind: 'unknown', claimId: '1', reason: expect.stringContaining('shipped') }],
    ] as const) {
      await gates.pool().query('update gift_claim set status = $1', [status]);
      expect(await gate.lookup('a1')).toEqual(state);
    }
  });

  it('is not asked for what cannot be an attempt', async () => {
    const gate = await gates.open();
    for (const attempt of ['', 'x\u0000', 'x'.repeat(201)]) {
      await expect(gate.lookup(attempt)).rejects.toMatchObject({ code: 'bad_claim' });
    }
  });
});

describe('a gate', () => {
  it('is not opened with options that do not fit, which are told together', async () => {
    const opening = gates.open({
      source: { ...couponSource, rules: { ...couponSource.rules, notGranted: 'release', graceMs: 3_000 } },
      ttlMs: Infinity,
      redisTimeoutMs: 0,
      distributorTimeoutMs: 5_000,
      eligibility: {
        key: () => '',
        load: async () => ({ open: true }),
        freshMs: 1,
        staleMs: 1,
        waitMs: 1,
      },
    });
    await expect(opening).rejects.toThrow(OperatingError);
    await expect(opening).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/redisTimeoutMs.*\n.*distributorTimeoutMs.*\n.*ttlMs.*\n.*eligibility/),
    });
    const grabs = gates.open({ source: grabSource, ttlMs: 5 });
    await expect(grabs).rejects.toThrow(/the source fixes how long/);
  });
});
