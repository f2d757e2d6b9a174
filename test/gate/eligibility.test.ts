/**
 * Whether something may be claimed is asked before anything is touched, and asked once however many claim it.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Eligibility, Eligible } from '../../src/gate/eligibility.ts';
import { endRedis } from '../../src/redis/connect.ts';
import { strictTo } from '../support/strict-redis.ts';
import { waitFor } from '../support/wait-for.ts';
import { useGates, type TestGate } from './support/use-gates.ts';

const gates = useGates();
const gift = { activity_id: 7, gift_id: 1, uid: 100_180 };

async function openWith(
  load: Eligibility['load'],
  { distributorTimeoutMs = 30_000 } = {},
): Promise<TestGate> {
  const cacheRedis = await strictTo(gates.redisUrl());
  onTestFinished(async () => endRedis(cacheRedis, 1_000));
  return gates.open({
    cacheRedis,
    eligibility: {
      key: ({ activity_id: id }) => `activity:${String(id)}`,
      load,
      freshMs: 60_000,
      staleMs: 60_000,
      waitMs: 20_000,
    },
    distributorTimeoutMs,
    redisTimeoutMs: 30_000,
  });
}

async function markers(): Promise<string[]> {
  return (await gates.client().keys('gift:*')).toSorted();
}

describe('what is not open', () => {
  it('is refused with its reason, before anything is touched', async () => {
    const gate = await openWith(async () => ({ open: false, reason: 'the activity has ended' }));
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toEqual({
      kind: 'refused',
      reason: 'the activity has ended',
      attempt: 'a1',
      claimId: null,
    });
    expect(await markers()).toEqual([]);
    expect(await gates.listed()).toEqual([]);
    expect(await gates.rows()).toEqual([]);
    expect(gate.distributor.asked).toEqual([]);
  });

  it('is not asked about for a claim that is wrong', async () => {
    let loads = 0;
    const gate = await openWith(async () => {
      loads += 1;
      return { open: true };
    });
    await expect(gate.claim({ columns: {} })).rejects.toMatchObject({ code: 'bad_claim' });
    expect(loads).toBe(0);
  });
});

describe('what is open', () => {
  it('is looked up once for a flood, and claimed', async () => {
    const asked: unknown[] = [];
    const gate = await openWith(async ({ activity_id: id }): Promise<Eligible> => {
      asked.push(id);
      return { open: true };
    });
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, uid) => gate.claim({ columns: { ...gift, uid } })),
    );
    expect(answers.every(({ kind }) => kind === 'granted')).toBe(true);
    expect(asked).toEqual([7]);
  });
});

describe('looking up', () => {
  it('does not use up the time of the distributor', async () => {
    const gate = await openWith(
      async () => {
        const beganAtMs = Date.now();
        await waitFor(() => Date.now() > beganAtMs + 1_100, {
          what: 'more than the time of the distributor',
        });
        return { open: true };
      },
      { distributorTimeoutMs: 1_000 },
    );
    expect(await gate.claim({ columns: gift })).toMatchObject({ kind: 'granted' });
  });

  it.each<[unknown]>([
    [undefined],
    [null],
    [true],
    [{}],
    [{ open: 'false' }],
    [{ open: 1 }],
    [{ open: false }],
    [{ open: false, reason: 7 }],
  ])('that returns %j has told nothing', async (said) => {
    const gate = await openWith(async () => said as Eligible);
    await expect(gate.claim({ columns: gift })).rejects.toMatchObject({
      name: 'OperatingError',
      code: 'configuration',
    });
    expect(await gates.rows()).toEqual([]);
  });
});

describe('what cannot be looked up', () => {
  it('is neither open nor closed: the claim is rejected, and nothing is touched', async () => {
    const gate = await openWith(async () => Promise.reject(new Error('the catalogue is away')));
    await expect(gate.claim({ columns: gift })).rejects.toMatchObject({
      name: 'OperatingError',
      code: 'not_ready',
    });
    expect(await markers()).toEqual([]);
    expect(await gates.rows()).toEqual([]);
    await gate.finish();
    expect(gate.troubles).not.toEqual([]);
  });
});
