/**
 * The process stops between two steps of a claim, for good or for a while. Whatever it leaves is found: an entry of the
 * index or a pending row; and nothing is handed out twice, even if Redis forgets everything at that moment.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ClaimAnswer } from '../../src/gate/gate.ts';
import { waitFor } from '../support/wait-for.ts';
import { useGates } from './support/use-gates.ts';
import { watchedCalls } from './support/watched-calls.ts';

const gates = useGates();
const gift = { activity_id: 7, gift_id: 1, uid: 100_180 };
const key = 'gift:7:1:100180';

// A script that the server does not know yet takes two calls.
beforeEach(async () => {
  const gate = await gates.open();
  gate.distributor.does(async () => ({ kind: 'refused', reason: 'only to load the scripts' }));
  await gate.claim({ columns: gift });
  await gates.pool().query('truncate gift_claim restart identity');
});

async function statuses(): Promise<(string | undefined)[]> {
  return (await gates.rows()).map(({ status }) => status);
}

/** Begins a claim that stops after so many calls, and waits until it has stopped. */
async function stopAfter(count: number, distributorSays: 'granted' | 'refused'): Promise<string[]> {
  const calls = watchedCalls();
  const gate = await gates.open({ calls, closeTimeoutMs: 50 });
  gate.distributor.does(async (grant) =>
    distributorSays === 'granted' ? gate.distributor.handOut(grant) : { kind: 'refused', reason: 'sold out' },
  );
  calls.stopAfter(count);
  const claiming = gate.claim({ attempt: 'a1', columns: gift });
  const beyond = waitFor(() => calls.heldUp() > 0, { what: `the claim to stop after ${count} calls` });
  await Promise.race([claiming.then(() => beyond), beyond]);
  return [...gate.distributor.handedOut.keys()];
}

describe('a process that stops for good', () => {
  it.each([
    [1, 'granted', 'after the marker', { rows: [], marker: 'a1', listed: ['a1'], handedOut: [] }],
    [2, 'granted', 'after the row', { rows: ['pending'], marker: 'a1', listed: ['a1'], handedOut: [] }],
    [
      3,
      'granted',
      'after the hand-out',
      { rows: ['pending'], marker: 'a1', listed: ['a1'], handedOut: ['a1'] },
    ],
    [4, 'granted', 'after settling', { rows: ['granted'], marker: 'a1', listed: ['a1'], handedOut: ['a1'] }],
    [5, 'granted', 'at the end', { rows: ['granted'], marker: 'a1', listed: [], handedOut: ['a1'] }],
    [3, 'refused', 'after the refusal', { rows: ['pending'], marker: 'a1', listed: ['a1'], handedOut: [] }],
    [4, 'refused', 'after settling', { rows: ['failed'], marker: 'a1', listed: ['a1'], handedOut: [] }],
    [5, 'refused', 'at the end', { rows: ['failed'], marker: null, listed: [], handedOut: [] }],
  ] as const)('after %i calls, %s: %s', async (count, says, _, left) => {
    const handedOut = await stopAfter(count, says);
    expect({
      rows: await statuses(),
      marker: await gates.client().get(key),
      listed: await gates.listed(),
      handedOut,
    }).toEqual(left);
    if (left.marker !== null) expect(await gates.client().pttl(key)).toBeGreaterThan(0);
  });

  it.each([0, 1, 2, 3, 4, 5])(
    'after %i calls, and Redis forgets everything: at most one hand-out',
    async (count) => {
      const handedOut = await stopAfter(count, 'granted');
      await gates.client().flushdb();
      const next = await gates.open();
      const answer = await next.claim({ attempt: 'a2', columns: gift });
      expect(answer.kind).toBe(count < 2 ? 'granted' : 'already_claimed');
      expect(handedOut.length + next.distributor.handedOut.size).toBe(count === 2 ? 0 : 1);
      await next.finish();
      expect(await gates.client().get(key)).toBe(count < 2 ? 'a2' : 'a1');
    },
  );
});

describe('a process that stops for a while', () => {
  it('before the row, while its marker is lost and another is granted, is lost to that one', async () => {
    const calls = watchedCalls();
    const slow = await gates.open({ calls });
    const other = await gates.open();
    let inBetween: ClaimAnswer | undefined;
    calls.replace(2, async (send) => {
      await gates.client().flushdb();
      inBetween = await other.claim({ attempt: 'a2', columns: gift });
      return send();
    });
    const answer = await slow.claim({ attempt: 'a1', columns: gift });
    expect(inBetween).toMatchObject({ kind: 'granted' });
    expect(answer).toEqual({ kind: 'already_claimed', holder: 'a2' });
    expect(slow.distributor.asked).toEqual([]);
    await slow.finish();
    expect(await gates.client().get(key)).toBe('a2');
    expect(await gates.rows()).toHaveLength(1);
  });

  it('before the row, while its marker’s window ends and the next one is pending', async () => {
    const calls = watchedCalls();
    const slow = await gates.open({ calls, ttlMs: 60 });
    const other = await gates.open({ ttlMs: 86_400_000 });
    other.distributor.does(async () => ({ kind: 'unknown', reason: 'no answer' }));
    calls.replace(2, async (send) => {
      await waitFor(async () => (await gates.client().exists(key)) === 0, { what: 'the end of the window' });
      expect(await other.claim({ attempt: 'a2', columns: gift })).toMatchObject({ kind: 'unknown' });
      return send();
    });
    expect(await slow.claim({ attempt: 'a1', columns: gift })).toEqual({
      kind: 'already_claimed',
      holder: 'a2',
    });
    await slow.finish();
    expect(await gates.client().get(key)).toBe('a2');
    expect(slow.distributor.asked).toEqual([]);
  });

  it('before the hand-out, for longer than that may take, does not ask for it any more', async () => {
    const calls = watchedCalls();
    const gate = await gates.open({ calls, distributorTimeoutMs: 40 });
    const beganAtMs = Date.now();
    calls.replace(2, async (send) => {
      const row = await send();
      await waitFor(() => Date.now() > beganAtMs + 60, { what: 'the time to be over' });
      return row;
    });
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toEqual({
      kind: 'unknown',
      attempt: 'a1',
      reason: 'its time was over before the distributor could be asked',
    });
    expect(gate.distributor.asked).toEqual([]);
    expect(await statuses()).toEqual(['pending']);
    expect(await gates.listed()).toEqual(['a1']);
  });
});

describe('a process that stops while it hands its marker to the live claim that had lost its own', () => {
  it('for longer than a call to Redis may take, leaves its own listed', async () => {
    const first = await gates.open();
    await first.claim({ attempt: 'a1', columns: gift });
    // The scripts of handing over, too, must be known.
    await gates.client().flushdb();
    await first.claim({ columns: gift });
    await gates.client().flushdb();
    const calls = watchedCalls();
    const gate = await gates.open({ calls, redisTimeoutMs: 100 });
    calls.replace(6, async (handOver) => {
      const resumesAtMs = performance.now() + 150;
      while (performance.now() < resumesAtMs);
      return handOver();
    });
    expect(await gate.claim({ attempt: 'a2', columns: gift })).toEqual({
      kind: 'already_claimed',
      holder: 'a1',
    });
    await gate.finish();
    expect(calls.made.slice(-1)).toEqual(['marker']);
    expect(await gates.client().get(key)).toBe('a2');
    expect(await gates.listed()).toEqual(['a2']);
  });
});

describe('closing', () => {
  it('waits for claims under way, and for what follows their answers', async () => {
    const calls = watchedCalls();
    const gate = await gates.open({ calls });
    let hasLeft = false;
    calls.replace(5, async (send) => {
      const left = await send();
      hasLeft = true;
      return left;
    });
    const claiming = gate.claim({ columns: gift });
    await gate.close();
    expect(hasLeft).toBe(true);
    expect(await claiming).toMatchObject({ kind: 'granted' });
    expect(gate.troubles).toEqual([]);
  });

  it('ends although a claim does not, and says so', async () => {
    const calls = watchedCalls();
    const gate = await gates.open({ calls, closeTimeoutMs: 30 });
    calls.stopAfter(1);
    void gate.claim({ columns: gift });
    await gate.close();
    expect(gate.troubles).toMatchObject([
      { code: 'timed_out', message: expect.stringContaining('1 claims') },
    ]);
  });
});
