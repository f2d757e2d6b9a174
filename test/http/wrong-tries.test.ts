/**
 * Wrong credentials, again and again: how many are looked at, from where, and what becomes of right ones meanwhile.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { FastifyInstance } from 'fastify';
import { buildHttp } from '../../src/http/server.ts';
import { WrongTries } from '../../src/http/wrong-tries.ts';
import { basic, credentials, httpOptions, signedIn, type Logged } from './options.ts';

const limits = { triesMax: 3, windowMs: 60_000, addressesMax: 2 };

/** The wait after so many wrong tries at these times, asked for at `atMs`. */
function waitAfter(times: readonly number[], atMs: number, from = '10.0.0.1'): number {
  const tries = new WrongTries(limits);
  for (const time of times) tries.note('10.0.0.1', time);
  return tries.waitMs(from, atMs);
}

describe('wrong tries', () => {
  it('are looked at a few times, then not until a minute after the first', () => {
    expect(waitAfter([0, 1_000], 1_000)).toBe(0);
    expect(waitAfter([0, 1_000, 2_000], 2_000)).toBe(58_000);
    expect(waitAfter([0, 1_000, 2_000], 60_000)).toBe(0);
    expect(waitAfter([0, 1_000, 61_000], 61_000)).toBe(0);
  });

  it('say which one was the last', () => {
    const tries = new WrongTries(limits);
    expect([1, 2, 3].map((at) => tries.note('10.0.0.1', at))).toEqual([false, false, true]);
  });

  it.each([
    ['another address', '10.0.0.1', '10.0.0.2', 0],
    ['the same one, mapped', '10.0.0.1', '::ffff:10.0.0.1', 59_000],
    ['another of the same network', '2001:db8:1:2::5', '2001:db8:1:2:ffff::', 59_000],
    ['another network', '2001:db8:1:2::5', '2001:db8:1:3::5', 0],
    ['a shortened one', '2001:db8::1', '2001:db8:0:0:9::', 59_000],
  ])('count for %s as they should', (_, first, second, waitMs) => {
    const tries = new WrongTries(limits);
    for (const time of [0, 500, 1_000]) tries.note(first, time);
    expect(tries.waitMs(second, 1_000)).toBe(waitMs);
  });

  it('of more addresses than are remembered forget the oldest', () => {
    const tries = new WrongTries(limits);
    for (const address of ['a', 'a', 'a', 'b', 'c']) tries.note(address, 0);
    expect(tries.waitMs('a', 0)).toBe(0);
  });
});

describe('the dashboard', () => {
  const apps: FastifyInstance[] = [];
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

  it('answers nothing of credentials after ten wrong ones, says when again, and logs each but no more', async () => {
    const logged: Logged = [];
    const app = await buildHttp(httpOptions({ credentials: [credentials] }, logged));
    apps.push(app);
    const statusOf = async (headers: Record<string, string> = {}): Promise<number> =>
      (await app.inject({ url: '/api/status', headers })).statusCode;
    expect(await statusOf(signedIn)).toBe(200);
    for (let wrong = 0; wrong < 10; wrong += 1)
      expect(await statusOf(basic('ops', `guess ${wrong}`))).toBe(401);
    const refused = await app.inject({ url: '/', headers: basic('ops', 'one more') });
    expect(refused.statusCode).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(await statusOf(signedIn)).toBe(429);
    expect(await statusOf()).toBe(401);
    expect((await app.inject({ url: '/livez' })).statusCode).toBe(200);
    expect(logged).toHaveLength(10);
    expect(logged.at(-1)).toMatch(/none are looked at any more/);
  });
});
