/**
 * A distributor behind HTTP: what it is sent, which replies are answers, and when it is asked again. Against a real server.
 */
import { createServer as createTcpServer } from 'node:net';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { askToGrant, askWhatBecame } from '../../src/distributor/ask.ts';
import {
  createHttpDistributor,
  type HttpDistributorOptions,
} from '../../src/distributor/http-distributor.ts';
import type { Distributor, LookupAnswer } from '../../src/domain/distributor.ts';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { grantOf } from './grants.ts';
import { reply, reset, useGrantServer, type Act } from './grant-server.ts';

const server = useGrantServer();
const plentyMs = 20_000;
const granted = reply(200, { answer: 'granted' });

function distributorAt(options: Partial<HttpDistributorOptions> = {}): Distributor {
  return createHttpDistributor({
    url: server.url(),
    headers: {},
    timeoutMs: plentyMs,
    retries: 0,
    ...options,
  });
}

/** What becomes of both questions, the first being asked to grant. */
async function answersTo(act: Act, options: Partial<HttpDistributorOptions> = {}): Promise<LookupAnswer[]> {
  server.will(act);
  const distributor = distributorAt(options);
  return [
    await askToGrant(distributor, grantOf('a'), plentyMs),
    await askWhatBecame(distributor, 'a', plentyMs),
  ];
}

function unknown(reason: string | RegExp): unknown {
  return { kind: 'unknown', reason: typeof reason === 'string' ? reason : expect.stringMatching(reason) };
}

describe('what is sent', () => {
  it('to grant: a PUT that names attempt, marker, claim and until when', async () => {
    server.will(granted);
    const grant = grantOf('attempt-1', { claim: { id: 7, note: 'für 🎁' }, notAfterMs: 4_000_000_000_123 });
    const distributor = distributorAt({ headers: { authorization: 'Bearer secret', 'x-shop': 'one' } });
    expect(await askToGrant(distributor, grant, plentyMs)).toEqual({ kind: 'granted' });
    const [asked] = server.asked();
    expect(asked).toMatchObject({ method: 'PUT', path: '/grants/attempt-1' });
    expect(asked?.headers).toMatchObject({
      'idempotency-key': 'attempt-1',
      'grant-not-after': '2096-10-02T07:06:40.123Z',
      'content-type': 'application/json',
      accept: 'application/json',
      authorization: 'Bearer secret',
      'x-shop': 'one',
    });
    expect(JSON.parse(asked?.body ?? '')).toEqual({
      attempt: 'attempt-1',
      marker: 'gift:7',
      claim: { id: 7, note: 'für 🎁' },
      notAfter: '2096-10-02T07:06:40.123Z',
    });
  });

  it('to ask: a GET that nobody may answer from memory', async () => {
    server.will(granted);
    const distributor = distributorAt({ headers: { 'x-shop': 'one' } });
    expect(await askWhatBecame(distributor, 'attempt-1', plentyMs)).toEqual({ kind: 'granted' });
    const [asked] = server.asked();
    expect(asked).toMatchObject({ method: 'GET', path: '/grants/attempt-1', body: '' });
    expect(asked?.headers).toMatchObject({ 'cache-control': 'no-cache, no-store', 'x-shop': 'one' });
    expect(asked?.headers).not.toHaveProperty('idempotency-key');
  });

  it.each([
    ['a/b', true],
    ['../../admin', true],
    ['a:b{c}', true],
    ['a b', true],
    ['?x=1#y', true],
    ['%2e%2e', true],
    ['a\\b', true],
    [' a', false],
    ['a ', false],
    ['a\r\nx-evil: 1', false],
    ['\u0000', false],
    ['größe', false],
    ['🎁', false],
    ['x'.repeat(256), true],
    ['x'.repeat(10_240), false],
  ])('of the attempt %j: itself in path and body; in the header: %s', async (attempt, isInHeader) => {
    server.will(granted);
    const distributor = distributorAt();
    expect(await askToGrant(distributor, grantOf(attempt), plentyMs)).toEqual({ kind: 'granted' });
    expect(await askWhatBecame(distributor, attempt, plentyMs)).toEqual({ kind: 'granted' });
    const [put, get] = server.asked();
    expect(put?.path).toMatch(/^\/grants\/[^/?#]+$/);
    expect(decodeURIComponent(put?.path.slice('/grants/'.length) ?? '')).toBe(attempt);
    expect(get?.path).toBe(put?.path);
    expect(JSON.parse(put?.body ?? '')).toMatchObject({ attempt });
    expect(put?.headers['idempotency-key']).toBe(isInHeader ? attempt : undefined);
    expect(put?.headers).not.toHaveProperty('x-evil');
  });

  it.each(['', '.', '..', '\ud800'])(
    'nothing, of the attempt %j, which no path can hold',
    async (attempt) => {
      expect(await answersAbout(attempt)).toEqual([
        unknown('the attempt cannot be part of a URL'),
        unknown('the attempt cannot be part of a URL'),
      ]);
      expect(server.asked()).toEqual([]);
    },
  );

  async function answersAbout(attempt: string): Promise<LookupAnswer[]> {
    const distributor = distributorAt();
    return [
      await askToGrant(distributor, grantOf(attempt), plentyMs),
      await askWhatBecame(distributor, attempt, plentyMs),
    ];
  }

  it.each([
    ['', '/grants/a'],
    ['/', '/grants/a'],
    ['?tenant=7', '/grants/a?tenant=7'],
  ])('to an address that ends in %j goes to %j', async (end, path) => {
    await answersTo(granted, { url: server.url() + end });
    expect(server.asked().map((asked) => asked.path)).toEqual([path, path]);
  });

  it('with the credentials of its address goes as basic authentication, unless a header says otherwise', async () => {
    const url = server.url().replace('://', '://app:s%3Acr%C3%A9t@');
    await answersTo(granted, { url });
    await answersTo(granted, { url, headers: { Authorization: 'Bearer t' } });
    const basic = `Basic ${Buffer.from('app:s:crét').toString('base64')}`;
    expect(server.asked().map(({ headers }) => headers.authorization)).toEqual([
      basic,
      basic,
      'Bearer t',
      'Bearer t',
    ]);
  });
});

describe('an answer', () => {
  it.each([200, 201, 404, 409, 422])('may come with HTTP status %d', async (status) => {
    const refused = { kind: 'refused', reason: 'sold out' };
    expect(await answersTo(reply(status, { answer: 'granted' }))).toEqual([
      { kind: 'granted' },
      { kind: 'granted' },
    ]);
    expect(await answersTo(reply(status, { answer: 'refused', reason: 'sold out' }))).toEqual([
      refused,
      refused,
    ]);
    expect(await answersTo(reply(status, { answer: 'not_granted', attempt: 'a' }))).toEqual([
      unknown('it was asked to grant, and neither granted nor refused'),
      { kind: 'not_granted' },
    ]);
  });

  it.each([202, 204, 206, 304, 400, 401, 403, 410, 500, 501])(
    'cannot come with HTTP status %d',
    async (status) => {
      const body = [204, 304].includes(status) ? '' : { answer: 'granted' };
      const [toGrant, toLookUp] = await answersTo(reply(status, body));
      expect(toGrant).toEqual(unknown(new RegExp(`^HTTP status ${status} `)));
      expect(toLookUp).toEqual(toGrant);
    },
  );

  it.each([
    ['a page', '<html>Not found</html>', 'is no JSON'],
    ['nothing', '', 'is no JSON'],
    ['half an answer', '{"answer":"granted"', 'is no JSON'],
    ['two answers', '{"answer":"granted"}{"answer":"granted"}', 'is no JSON'],
    ['bytes that are no text', Buffer.from('{"answer":"granted","x":"\xff"}', 'latin1'), 'is no JSON'],
    ['null', 'null', 'holds no answer'],
    ['a word', '"granted"', 'holds no answer'],
    ['a list', ['granted'], 'holds no answer'],
    ['an empty object', {}, 'holds no answer'],
    ['another word for yes', { answer: 'GRANTED' }, 'holds no answer'],
    ['another key', { status: 'granted' }, 'holds no answer'],
    ['a refusal without its reason', { answer: 'refused' }, 'holds no answer'],
    ['an error of the framework', { statusCode: 404, error: 'Not Found' }, 'holds no answer'],
    ['an answer about another attempt', { answer: 'granted', attempt: 'b' }, 'is about another attempt'],
  ])('is not read into %s', async (_, body, why) => {
    for (const status of [200, 404]) {
      const expected = unknown(`the body of HTTP status ${status} ${why}`);
      expect(await answersTo(reply(status, body))).toEqual([expected, expected]);
    }
  });

  it('may say that it is not known yet', async () => {
    const inProgress = { answer: 'unknown', reason: 'in progress' };
    const expected = unknown('in progress');
    expect(await answersTo(reply(200, inProgress))).toEqual([expected, expected]);
  });

  it('has at most 64 kB, packed or not', async () => {
    const padded = (bytes: number): string => JSON.stringify({ answer: 'granted' }).padEnd(bytes);
    const packed = { 'content-encoding': 'gzip' };
    const most = 64 * 1024;
    expect(await answersTo(reply(200, padded(most)))).toEqual([{ kind: 'granted' }, { kind: 'granted' }]);
    const tooLong = unknown('the body of HTTP status 200 is over 64 kB');
    expect(await answersTo(reply(200, padded(most + 1)))).toEqual([tooLong, tooLong]);
    expect(await answersTo(reply(200, gzipSync(padded(50_000_000)), packed))).toEqual([tooLong, tooLong]);
  });

  it('is not looked for elsewhere', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const redirect = reply(status, { answer: 'granted' }, { location: `${server.url()}/elsewhere` });
      const expected = unknown(`HTTP status ${status} leads elsewhere, and that is not followed`);
      expect(await answersTo(redirect, { retries: 2 })).toEqual([expected, expected]);
    }
    expect(server.asked().filter(({ path }) => path.includes('elsewhere'))).toEqual([]);
  });

  it('that never ends is waited for until the time is over', async () => {
    const endless: Act = (response) => {
      response.writeHead(200);
      response.write('{"answer":');
    };
    const late = unknown('no answer within 50 ms');
    expect(await answersTo(endless, { timeoutMs: 50 })).toEqual([late, late]);
    expect(await answersTo(() => undefined, { timeoutMs: 50, retries: 2 })).toEqual([late, late]);
    expect(server.asked()).toHaveLength(4);
  });

  it('must be HTTP', async () => {
    const chatter = createTcpServer((socket) => socket.on('error', () => undefined).end('220 ready\r\n'));
    chatter.listen(0, '127.0.0.1');
    await once(chatter, 'listening');
    const address = chatter.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const [toGrant] = await answersTo(granted, { url: `http://127.0.0.1:${port}`, retries: 2 });
    chatter.close();
    expect(toGrant).toEqual(unknown('the connection failed: HPE_INVALID_CONSTANT'));
  });
});

describe('the own signal of the caller', () => {
  it('ends the call, also while it waits to ask again', async () => {
    const controller = new AbortController();
    const distributor = distributorAt({ retries: 2 });
    server.will(() => controller.abort(new Error('shutting down')));
    await expect(distributor.lookup('a', controller.signal)).rejects.toThrow('shutting down');
    await expect(distributor.grant(grantOf('a'), controller.signal)).rejects.toThrow('shutting down');
    const later = new AbortController();
    server.will((response, asked) => {
      reply(503, '', { 'retry-after': '10' })(response, asked);
      response.on('close', () => later.abort(new Error('shutting down')));
    });
    await expect(distributor.lookup('a', later.signal)).rejects.toThrow('shutting down');
  });
});

describe('it is asked again', () => {
  it.each([429, 502, 503, 504])('after HTTP status %d, under the same key', async (status) => {
    server.will(reply(status, '<html>'), reply(status, { answer: 'refused', reason: 'x' }), granted);
    const distributor = distributorAt({ retries: 2 });
    expect(await askToGrant(distributor, grantOf('a'), plentyMs)).toEqual({ kind: 'granted' });
    const [first, second, third] = server.asked();
    expect(first).toMatchObject({ method: 'PUT', headers: { 'idempotency-key': 'a' } });
    expect([second?.path, third?.path]).toEqual([first?.path, first?.path]);
    expect([second?.body, third?.body]).toEqual([first?.body, first?.body]);
  });

  it('after the connection was reset, before the body was read or after, or in the middle of the reply', async () => {
    const half: Act = (response) => {
      response.writeHead(200, { 'content-length': '20' });
      response.write('{"answer":', () => reset(response));
    };
    for (const act of [reset, half]) {
      const distributor = distributorAt({ retries: 1 });
      const asked = server.asked().length;
      server.will(...Array.from({ length: asked }, () => granted), act, granted);
      expect(await askToGrant(distributor, grantOf('a'), plentyMs)).toEqual({ kind: 'granted' });
      expect(server.asked()).toHaveLength(asked + 2);
    }
    server.resetUnread(1);
    const large = grantOf('a', { claim: { note: 'x'.repeat(2_000_000) } });
    expect(await askToGrant(distributorAt({ retries: 1 }), large, plentyMs)).toEqual({ kind: 'granted' });
  });

  it('after a refused connection, and tells how often', async () => {
    const url = `http://127.0.0.1:${await findFreePort()}/grants`;
    const distributor = distributorAt({ url, retries: 2 });
    const refused = unknown('the connection failed: ECONNREFUSED (asked 3 times)');
    expect(await askToGrant(distributor, grantOf('a'), plentyMs)).toEqual(refused);
    expect(await askWhatBecame(distributor, 'a', plentyMs)).toEqual(refused);
  });

  it('as often as it may be, and no more', async () => {
    expect(await answersTo(reply(503, ''), { retries: 1 })).toEqual([
      unknown('HTTP status 503 is no answer (asked 2 times)'),
      unknown('HTTP status 503 is no answer (asked 2 times)'),
    ]);
    expect(server.asked()).toHaveLength(4);
    await answersTo(reply(503, ''), { retries: 0 });
    expect(server.asked()).toHaveLength(6);
  });

  it.each([
    ['HTTP status 500', reply(500, { answer: 'granted' })],
    ['a page', reply(404, '<html>')],
    ['an answer', granted],
    ['a refusal', reply(409, { answer: 'refused', reason: 'sold out' })],
  ])('not after %s', async (_, act) => {
    await answersTo(act, { retries: 2 });
    expect(server.asked()).toHaveLength(2);
  });

  it('not when the time would be over, or when it wants to be left alone for longer', async () => {
    const resting = reply(429, '', { 'retry-after': '3600' });
    const expected = unknown('HTTP status 429 is no answer');
    expect(await answersTo(resting, { retries: 2 })).toEqual([expected, expected]);
    expect(await answersTo(reply(503, ''), { retries: 2, timeoutMs: 40 })).toEqual([
      expect.objectContaining({ kind: 'unknown' }),
      expect.objectContaining({ kind: 'unknown' }),
    ]);
    expect(server.asked().length).toBeLessThanOrEqual(4);
  });

  it('not to grant after the time of the grant, and not even once when that is over', async () => {
    server.will(reply(503, ''));
    const distributor = distributorAt({ retries: 10 });
    const soon = grantOf('a', { notAfterMs: Date.now() + 200 });
    expect((await askToGrant(distributor, soon, plentyMs)).kind).toBe('unknown');
    expect(server.asked().length).toBeLessThanOrEqual(4);
    const asked = server.asked().length;
    const over = grantOf('a', { notAfterMs: Date.now() - 1 });
    expect(await askToGrant(distributor, over, plentyMs)).toEqual(
      unknown('its time was over before it could be asked'),
    );
    expect(server.asked()).toHaveLength(asked);
  });
});

describe('no secret is told', () => {
  it.each([
    [{ url: 'gifts.internal' }, 'The URL of the distributor is no HTTP address.'],
    [{ url: 'ftp://app:top-secret@gifts.internal' }, 'The URL of the distributor is no HTTP address.'],
    [{ headers: { authorization: 'top-secret\nx' } }, /^The headers of the distributor, or the cred/],
    [{ headers: { 'top-secret:': 'x' } }, /^The headers of the distributor, or the cred/],
    [{ url: 'https://app:top-secret%ff@h' }, /^The headers of the distributor, or the cred/],
  ])('of an address that cannot be used: %#', (options, message) => {
    const open = (): Distributor => distributorAt(options);
    expect(open).toThrow(expect.objectContaining({ code: 'configuration' }));
    expect(open).toThrow(message);
    expect(open).not.toThrow('top-secret');
  });

  it('of a distributor that fails', async () => {
    const url = `http://app:top-secret@127.0.0.1:${await findFreePort()}/grants`;
    const answers = await answersTo(granted, { url, headers: { 'x-api-key': 'top-secret' } });
    expect(JSON.stringify(answers)).not.toContain('top-secret');
  });
});
