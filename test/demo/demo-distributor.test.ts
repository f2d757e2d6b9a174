/**
 * The distributor that the demo and the tests take for the judge: it decides each key once, keeps to the time it is given,
 * fails as planned, and its book is right.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  startDemoDistributor,
  type DemoDistributor,
  type DemoFault,
} from '../../src/demo/demo-distributor.ts';
import { askToGrant, askWhatBecame } from '../../src/distributor/ask.ts';
import { createHttpDistributor } from '../../src/distributor/http-distributor.ts';
import type { Distributor, Grant, GrantAnswer, LookupAnswer } from '../../src/domain/distributor.ts';
import { chooseSeed, createRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';

const plentyMs = 20_000;
const refused = { kind: 'refused', reason: 'it was refused as planned' };
let judge: DemoDistributor;

beforeEach(async () => {
  judge = await startDemoDistributor();
});
afterEach(async () => judge.close());

function client(retries = 0, timeoutMs = plentyMs): Distributor {
  return createHttpDistributor({ url: judge.url, headers: {}, timeoutMs, retries });
}

async function grant(attempt: string, rest: Partial<Grant> = {}, from = client()): Promise<GrantAnswer> {
  const wanted = { attempt, markerKey: 'gift:7', claim: { uid: 7 }, notAfterMs: Date.now() + plentyMs };
  return askToGrant(from, { ...wanted, ...rest }, plentyMs);
}

async function lookup(attempt: string): Promise<LookupAnswer> {
  return askWhatBecame(client(), attempt, plentyMs);
}

describe('without a plan', () => {
  it('it grants, once, and keeps what it granted', async () => {
    const before = Date.now();
    expect(await lookup('a')).toEqual({ kind: 'not_granted' });
    expect(judge.book().size).toBe(0);
    expect(await grant('a')).toEqual({ kind: 'granted' });
    expect(await lookup('a')).toEqual({ kind: 'granted' });
    const entry = judge.book().get('a');
    expect(entry).toEqual({
      answer: 'granted',
      claim: { uid: 7 },
      markerKey: 'gift:7',
      grantedAtMs: expect.any(Number),
    });
    expect(entry?.grantedAtMs).toBeGreaterThanOrEqual(before);
    expect(await grant('a', { markerKey: 'gift:8', claim: {} })).toEqual({ kind: 'granted' });
    expect(judge.book().get('a')).toBe(entry);
  });

  it('it tells which attempts were handed the same thing', async () => {
    judge.plan('c', 'refuse');
    for (const attempt of ['a', 'b', 'c', 'a']) await grant(attempt);
    await grant('d', { markerKey: 'gift:8' });
    expect(judge.grantsOf('gift:7')).toEqual(['a', 'b']);
    expect(judge.grantsOf('gift:8')).toEqual(['d']);
    expect(judge.grantsOf('gift:9')).toEqual([]);
  });

  it.each(['a/b', ':{}', ' ', '%2F', '🎁', 'x'.repeat(8_000)])(
    'it takes the attempt %j as it is',
    async (attempt) => {
      expect(await grant(attempt)).toEqual({ kind: 'granted' });
      expect(await lookup(attempt)).toEqual({ kind: 'granted' });
      expect(Array.from(judge.book().keys())).toEqual([attempt]);
    },
  );

  it('it does not carry out what comes too late, and tells what was decided before', async () => {
    const late = JSON.stringify({
      attempt: 'a',
      marker: 'm',
      claim: {},
      notAfter: '2020-01-01T00:00:00.000Z',
    });
    const put = async (): Promise<unknown> => {
      const headers = { 'grant-not-after': '2020-01-01T00:00:00.000Z' };
      return (await fetch(`${judge.url}/a`, { method: 'PUT', headers, body: late })).json();
    };
    expect(await put()).toEqual({ answer: 'not_granted' });
    expect(judge.book().size).toBe(0);
    await grant('a');
    expect(await put()).toEqual({ answer: 'granted' });
  });
});

describe('as planned', () => {
  it.each([
    ['refuse', refused, refused],
    ['slow', { kind: 'granted' }, { kind: 'granted' }],
    ['fail_before', { kind: 'unknown', reason: 'HTTP status 500 is no answer' }, { kind: 'not_granted' }],
    ['fail_after', { kind: 'unknown', reason: 'HTTP status 500 is no answer' }, { kind: 'granted' }],
    ['lose_reply', { kind: 'unknown' }, { kind: 'granted' }],
  ] as const)('%s: the caller gets %j, and the book says %j', async (fault, answer, booked) => {
    judge.plan('a', fault, { delayMs: 20 });
    expect(await grant('a')).toMatchObject(answer);
    expect(await lookup('a')).toEqual(booked);
    expect(judge.grantsOf('gift:7')).toEqual(booked.kind === 'granted' ? ['a'] : []);
    // The plan was for one request; what is decided stays so.
    expect(await grant('a')).toEqual(booked.kind === 'not_granted' ? { kind: 'granted' } : booked);
  });

  it('fail_before: by a reset, if so planned', async () => {
    judge.plan('a', 'fail_before', { resets: true });
    expect(await grant('a')).toMatchObject({ reason: expect.stringMatching(/^the connection failed/) });
    expect(judge.book().size).toBe(0);
    judge.plan('a', 'fail_before', { resets: true });
    expect(await grant('a', {}, client(1))).toEqual({ kind: 'granted' });
  });

  it('late_yes: nothing is decided when the caller hears of the broken connection, and later it is', async () => {
    judge.plan('a', 'late_yes', { delayMs: 500 });
    expect(await grant('a')).toMatchObject({ kind: 'unknown' });
    expect(judge.book().size).toBe(0);
    await waitFor(() => judge.book().has('a'), { what: 'the late yes' });
    expect(await lookup('a')).toEqual({ kind: 'granted' });
  });

  it('late_yes: not when the time is over by then, and not when it was refused meanwhile', async () => {
    judge.plan('over', 'late_yes', { delayMs: 150 });
    judge.plan('refused', 'late_yes', { delayMs: 1_000 });
    judge.plan('in time', 'late_yes', { delayMs: 1_010 });
    await grant('over', { notAfterMs: Date.now() + 100 });
    await grant('refused');
    judge.plan('refused', 'refuse');
    expect(await grant('refused')).toEqual(refused);
    await grant('in time');
    await waitFor(() => judge.book().has('in time'), { what: 'the last of the late ones' });
    expect(judge.grantsOf('gift:7')).toEqual(['in time']);
    expect(await lookup('over')).toEqual({ kind: 'not_granted' });
    expect(await lookup('refused')).toEqual(refused);
  });

  it('slow: not when the time is over by then', async () => {
    judge.plan('a', 'slow', { delayMs: 150 });
    expect(await grant('a', { notAfterMs: Date.now() + 100 })).toMatchObject({ kind: 'unknown' });
    expect(judge.book().size).toBe(0);
  });

  it('slow: also for a caller who did not wait', async () => {
    judge.plan('a', 'slow', { delayMs: 150 });
    expect(await grant('a', {}, client(0, 50))).toEqual({
      kind: 'unknown',
      reason: 'no answer within 50 ms',
    });
    await waitFor(() => judge.book().has('a'), { what: 'the slow grant' });
    expect(await lookup('a')).toEqual({ kind: 'granted' });
  });

  it('silent: nothing comes and nothing is decided', async () => {
    judge.plan('a', 'silent', { times: 2 });
    for (let time = 0; time < 2; time += 1) {
      expect(await grant('a', {}, client(0, 50))).toEqual({
        kind: 'unknown',
        reason: 'no answer within 50 ms',
      });
    }
    expect(await lookup('a')).toEqual({ kind: 'not_granted' });
    expect(await grant('a')).toEqual({ kind: 'granted' });
  });

  it('as often as planned, retries of the client included; and only for this attempt', async () => {
    judge.plan('a', 'lose_reply', { times: 3 });
    expect(await grant('b')).toEqual({ kind: 'granted' });
    expect(await grant('a', {}, client(2))).toMatchObject({ kind: 'unknown' });
    expect(await grant('a')).toEqual({ kind: 'granted' });
    expect(judge.grantsOf('gift:7')).toEqual(['b', 'a']);
  });

  it('down: nobody is answered, and everything is as it was afterwards', async () => {
    await grant('a');
    judge.setDown(true);
    expect(await grant('b')).toMatchObject({ kind: 'unknown' });
    expect(await lookup('a')).toMatchObject({ kind: 'unknown' });
    judge.setDown(false);
    expect(await lookup('a')).toEqual({ kind: 'granted' });
    expect(await lookup('b')).toEqual({ kind: 'not_granted' });
  });
});

describe('a request that is not as the protocol has it', () => {
  const notAfter = new Date(Date.now() + plentyMs).toISOString();
  const body = { attempt: 'a', marker: 'gift:7', claim: {}, notAfter };
  const headers = { 'idempotency-key': 'a', 'grant-not-after': notAfter };

  it.each([
    ['another path', '/b', { headers, body }, /path and body/],
    ['no attempt in the path', '/', { headers, body }, /the path is not/],
    ['a path that cannot be decoded', '/%ff', { headers, body }, /the path is not/],
    ['another key', '/a', { headers: { ...headers, 'idempotency-key': 'b' }, body }, /Idempotency-Key/],
    ['no time', '/a', { headers, body: { ...body, notAfter: 'soon' } }, /notAfter is no time/],
    ['another time', '/a', { headers: {}, body }, /Grant-Not-After/],
    ['no marker', '/a', { headers, body: { ...body, marker: undefined } }, /marker is missing/],
    ['no JSON', '/a', { headers, body: null }, /path and body/],
    ['another method', '/a', { headers, body, method: 'POST' }, /neither GET nor PUT/],
  ])('is refused, and nothing is decided: %s', async (_, path, request, why) => {
    const {
      method = 'PUT',
      body: sent,
      ...rest
    }: { method?: string; headers: Record<string, string>; body: unknown } = request;
    const text = sent === null ? '{' : JSON.stringify(sent);
    const response = await fetch(judge.url + path, { ...rest, method, body: text });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.stringMatching(why) });
    expect(judge.book().size).toBe(0);
  });
});

describe('under load', () => {
  it('each key is decided once, and no answer contradicts the book', async () => {
    const random = createRandom(chooseSeed('the demo distributor'));
    const faults: DemoFault[] = ['refuse', 'slow', 'fail_before', 'fail_after', 'lose_reply', 'late_yes'];
    const attempts = Array.from({ length: 40 }, (_, at) => `attempt ${at}`);
    for (const attempt of attempts) {
      const fault = faults[random.integer(0, faults.length)];
      if (fault !== undefined) {
        judge.plan(attempt, fault, { times: random.integer(1, 4), delayMs: random.integer(0, 40) });
      }
    }
    const wishes = Array.from({ length: 400 }, () => attempts[random.integer(0, attempts.length - 1)] ?? '');
    const from = client(1);
    const answers = await Promise.all(
      wishes.map(async (attempt, at) => ({
        attempt,
        answer: at % 3 === 0 ? await lookup(attempt) : await grant(attempt, {}, from),
      })),
    );
    const before = new Map(judge.book());
    for (const attempt of attempts) {
      const last = await grant(attempt, {}, client(10));
      const booked = before.get(attempt);
      if (booked !== undefined && last.kind !== 'unknown') expect(last.kind).toBe(booked.answer);
    }
    for (const [attempt, entry] of before) expect(judge.book().get(attempt)).toBe(entry);
    const final = answers.filter(({ answer }) => answer.kind === 'granted' || answer.kind === 'refused');
    expect(final.length).toBeGreaterThan(0);
    for (const { attempt, answer } of final) expect(judge.book().get(attempt)?.answer).toBe(answer.kind);
  });
});

describe('closing', () => {
  it('ends what is still open, and may be done twice', async () => {
    judge.plan('a', 'silent');
    judge.plan('b', 'late_yes', { delayMs: 3_600_000 });
    const silent = grant('a');
    await grant('b');
    await judge.close();
    await judge.close();
    expect(await silent).toMatchObject({ kind: 'unknown' });
    expect(await lookup('a')).toMatchObject({ kind: 'unknown' });
  });
});
