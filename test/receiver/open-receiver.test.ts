/**
 * Sending to real servers that behave badly, and to addresses that must not be reached.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Receiver } from '../../src/domain/alert-message.ts';
import type { DeliveryTry } from '../../src/domain/delivery-retry.ts';
import { openReceiver } from '../../src/receiver/open-receiver.ts';
import type { Way } from '../../src/receiver/post.ts';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { answers, hangs, startFakeReceiver, takes, type FakeReceiver } from '../support/fake-receiver.ts';
import { messageOf, receiverAt } from './messages.ts';

let server: FakeReceiver;
beforeAll(async () => {
  server = await startFakeReceiver();
});
beforeEach(() => server.answerWith(takes));
afterAll(async () => server.close());

const calm = new AbortController().signal;

async function send(changes: Partial<Receiver> = {}, way: Partial<Way> = {}): Promise<DeliveryTry> {
  const whole = { resolve: async () => ['127.0.0.1'], timeoutMs: 2_000, ...way };
  return openReceiver(receiverAt(server.url, changes), whole)(messageOf(), calm);
}

async function reasonOf(changes: Partial<Receiver> = {}, way: Partial<Way> = {}): Promise<DeliveryTry> {
  const before = server.received.length;
  const tried = await send(changes, way);
  expect(server.received).toHaveLength(before);
  return tried;
}

describe('a webhook', () => {
  it('gets the message as JSON, with its id', async () => {
    expect(await send()).toEqual({ kind: 'delivered' });
    const { method, path, headers, body } = server.received.at(-1) ?? { headers: {}, body: '' };
    expect([method, path, JSON.parse(body)]).toEqual(['POST', '/hook', messageOf()]);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'idempotency-key': messageOf().id,
    });
    expect(Object.keys(headers).filter((name) => name.startsWith('x-claim'))).toEqual([]);
  });

  it('can check the signature as documented', async () => {
    const secret = 'kept between us';
    await send({ secret });
    const request = server.received.at(-1);
    const body = request?.body ?? '';
    const timestamp = String(request?.headers['x-claim-reconciler-timestamp']);
    const given = Buffer.from(String(request?.headers['x-claim-reconciler-signature']));
    const expected = (text: string): Buffer =>
      Buffer.from(`v1=${createHmac('sha256', secret).update(`${timestamp}.${text}`).digest('hex')}`);
    expect(given).toHaveLength(expected(body).length);
    expect(timingSafeEqual(given, expected(body))).toBe(true);
    expect(timingSafeEqual(given, expected(`${body} `))).toBe(false);
    expect(Math.abs(Date.now() / 1000 - Number(timestamp))).toBeLessThan(300);
    expect(JSON.stringify(server.received.at(-1))).not.toContain(secret);
  });
});

describe('a receiver', () => {
  it.each([
    [500, {}, { isLasting: false, waitMs: null }],
    [503, { 'retry-after': '120' }, { isLasting: false, waitMs: 120_000 }],
    [429, { 'retry-after': '1' }, { isLasting: false, waitMs: 1_000 }],
    [408, { 'retry-after': 'soon' }, { isLasting: false, waitMs: null }],
    [404, {}, { isLasting: true, waitMs: null }],
    [401, {}, { isLasting: true, waitMs: null }],
  ])('that answers %i failed for a while or for good', async (status, headers, expected) => {
    server.answerWith(answers(status, headers, '<html>secret</html>'));
    expect(await send()).toEqual({ kind: 'failed', reason: `HTTP status ${status}`, ...expected });
  });

  it('that wants to be left alone until a date is', async () => {
    const date = new Date(Date.now() + 600_000).toUTCString();
    server.answerWith(answers(503, { 'retry-after': date }));
    const tried = await send();
    expect(tried.kind === 'failed' && tried.waitMs).toBeGreaterThan(500_000);
  });

  it('that says why in a word, as chats do, is quoted', async () => {
    server.answerWith(answers(404, {}, 'channel_not_found\n'));
    expect(await send()).toMatchObject({ reason: 'HTTP status 404 (channel_not_found)' });
  });

  it.each([301, 302, 303, 307, 308])('that redirects with %i is not followed', async (status) => {
    const other = await startFakeReceiver();
    server.answerWith(answers(status, { location: other.url }));
    const tried = await send();
    expect(tried).toMatchObject({
      kind: 'failed',
      isLasting: true,
      reason: expect.stringContaining('not followed'),
    });
    expect(other.received).toEqual([]);
    await other.close();
  });

  it.each([
    ['never answers', hangs],
    ['never ends a refusal', (response) => void response.writeHead(500).write('a')],
  ] satisfies [string, typeof hangs][])('that %s is not waited for', async (_what, answer) => {
    server.answerWith(answer);
    expect(await send({}, { timeoutMs: 100 })).toEqual({
      kind: 'failed',
      reason: 'no answer within 100 ms',
      isLasting: false,
      waitMs: null,
    });
  });

  it('whose name is not resolved in time is not waited for', async () => {
    const url = 'http://slow.example/hook';
    const resolve = async (): Promise<string[]> => new Promise(() => {});
    expect(await send({ url }, { timeoutMs: 50, resolve })).toMatchObject({
      reason: 'no answer within 50 ms',
    });
  });

  it('that takes the message and then sends without end has taken it', async () => {
    server.answerWith((response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', more);
      };
      response.writeHead(200);
      more();
    });
    expect(await send()).toEqual({ kind: 'delivered' });
  });

  it('that is down, or breaks off, failed for a while, without its address being told', async () => {
    const url = `http://ada:pg-secret@127.0.0.1:${await findFreePort()}/top-secret`;
    const tried = await send({ url });
    expect(tried).toMatchObject({ reason: 'the connection failed: ECONNREFUSED', isLasting: false });
    server.answerWith((response) => response.destroy());
    expect(await send()).toMatchObject({ reason: 'the connection failed: ECONNRESET', isLasting: false });
  });

  it('is left when the program is told to stop', async () => {
    server.answerWith(hangs);
    const stop = new AbortController();
    const sending = openReceiver(receiverAt(server.url))(messageOf(), stop.signal);
    stop.abort(new Error('told to stop'));
    await expect(sending).rejects.toThrow('told to stop');
  });
});

describe('an address that is not public', () => {
  const refused = { kind: 'failed', isLasting: true, reason: expect.stringContaining('not a public one') };

  it('is refused unless the receiver allows it', async () => {
    expect(await reasonOf({ allowPrivate: false })).toMatchObject(refused);
    expect(await send({ allowPrivate: true })).toEqual({ kind: 'delivered' });
  });

  it.each([
    '2130706433',
    '0x7f.1',
    '017700000001',
    '127.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '0',
    '169.254.169.254',
  ])('is refused as %s', async (host) => {
    const url = `http://${host}:${server.port}/hook`;
    expect(await reasonOf({ url, allowPrivate: false })).toMatchObject(refused);
  });

  it.each([[['127.0.0.1']], [['93.184.216.34', '127.0.0.1']], [['::ffff:127.0.0.1']], [['fd00::1', '::1']]])(
    'is refused behind a name: %j',
    async (addresses) => {
      const url = `http://hooks.example:${server.port}/hook`;
      expect(await reasonOf({ url, allowPrivate: false }, { resolve: async () => addresses })).toMatchObject(
        refused,
      );
    },
  );

  it('is not reached by a name that answers otherwise the second time: it is asked once', async () => {
    const asked: string[] = [];
    const resolve = async (hostname: string): Promise<string[]> => {
      asked.push(hostname);
      return asked.length === 1 ? ['192.0.2.1'] : ['127.0.0.1'];
    };
    const url = `http://rebinding.example:${server.port}/hook`;
    expect(await reasonOf({ url }, { resolve, timeoutMs: 200 })).toMatchObject({
      kind: 'failed',
      isLasting: false,
    });
    expect(asked).toEqual(['rebinding.example']);
  });

  it('is connected to as it was checked, under the name of the receiver', async () => {
    const url = `http://hooks.example:${server.port}/hook`;
    expect(await send({ url })).toEqual({ kind: 'delivered' });
    expect(server.received.at(-1)?.headers['host']).toBe(`hooks.example:${server.port}`);
  });
});
