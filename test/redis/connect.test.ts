/**
 * Connections that fail at once, resend nothing, and close whatever happens.
 */
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Redis } from 'ioredis';
import { OperatingError } from '../../src/domain/operating-error.ts';
import {
  connectPatient,
  connectStrict,
  endRedis,
  untilReady,
  withDeadline,
} from '../../src/redis/connect.ts';
import { describeRedisError } from '../../src/redis/redis-trouble.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

let direct: TestRedis;
let proxy: TcpProxy;
let redis: Redis;
const told: OperatingError[] = [];

beforeEach(async () => {
  told.length = 0;
  direct = await createRedis();
  proxy = await startTcpProxy(direct.url);
  redis = connectStrict(proxy.url, { socketTimeoutMs: 500, onError: (error) => told.push(error) });
  await untilReady(redis, 5_000);
});

afterEach(async () => {
  await endRedis(redis, 500);
  await proxy.close();
  await direct.release();
});

describe('a strict connection', () => {
  it('fails a command at once while it is not connected, and never sends it later', async () => {
    proxy.set('reset');
    await waitFor(() => redis.status !== 'ready', { what: 'the break to be noticed' });
    await expect(redis.set('k', 'v')).rejects.toThrow("Stream isn't writeable");
    proxy.set('pass');
    await untilReady(redis, 5_000);
    expect(await redis.exists('k')).toBe(0);
  });

  it('does not resend what was under way when the connection broke', async () => {
    proxy.set('swallow_replies');
    const incrementing = redis.incr('n');
    await waitFor(async () => direct.client.get('n'), { what: 'the command to arrive', intervalMs: 1 });
    proxy.set('reset');
    await expect(incrementing).rejects.toThrow();
    proxy.set('pass');
    await untilReady(redis, 5_000);
    expect(await redis.get('n')).toBe('1');
  });

  it('leaves an open connection that gives no answer, and finds a new one by itself', async () => {
    proxy.set('swallow_replies');
    await expect(redis.ping()).rejects.toThrow();
    proxy.set('pass');
    await untilReady(redis, 10_000);
    expect(await redis.ping()).toBe('PONG');
  });

  it('tells of the same trouble once, however often it tries', async () => {
    const before = proxy.count().total;
    proxy.set('reset');
    await waitFor(() => proxy.count().total > before + 3, { what: 'some attempts to connect' });
    const messages = told.map(({ message }) => message);
    expect(new Set(messages).size).toBe(messages.length);
    expect(messages.length).toBeGreaterThan(0);
  });
});

describe('waiting for a connection', () => {
  it('ends in time, with the address and the cause, when nothing listens', async () => {
    const none = connectStrict('redis://:secret@127.0.0.1:1/0', { onError: () => {} });
    const waiting = untilReady(none, 300);
    await expect(waiting).rejects.toMatchObject({ code: 'redis_unreachable' });
    await expect(waiting).rejects.toThrow(/127\.0\.0\.1:1 could not be reached within 300 ms.*ECONNREFUSED/);
    await expect(waiting).rejects.not.toThrow('secret');
    await endRedis(none, 500);
  });
});

describe('closing', () => {
  it('ends in time when the server is down, gives no answer, or never was there', async () => {
    proxy.set('reset');
    await waitFor(() => redis.status === 'reconnecting', { what: 'the pause between two attempts' });
    await endRedis(redis, 500);
    const silent = connectStrict(proxy.url, { onError: () => {} });
    proxy.set('swallow_replies');
    await endRedis(silent, 300);
    await endRedis(silent, 300);
    const patient = connectPatient('redis://127.0.0.1:1/0', { onError: () => {} });
    patient.duplicate().on('error', () => {});
    patient.cut();
    await endRedis(patient, 300);
    const opened = proxy.count().total;
    proxy.set('pass');
    expect(proxy.count().total).toBe(opened);
  });
});

describe('errors', () => {
  it('carry no password, whatever the library put into them', async () => {
    const refused = connectStrict(direct.url.replace('://', '://someone:secret@'), {
      onError: (error) => told.push(error),
    });
    await waitFor(() => told.length > 0, { what: 'the refusal' });
    expect(told[0]?.message).toContain('WRONGPASS');
    expect(inspect(told, { depth: 10, showHidden: true })).not.toContain('secret');
    await endRedis(refused, 500);
    const unreadable = (): unknown => connectStrict('redis://user:secret@host:port/', { onError: () => {} });
    expect(unreadable).toThrow('percent-encoded');
    expect(unreadable).not.toThrow('secret');
    expect(() => connectPatient('http://host', { onError: () => {} })).toThrow('redis://');
  });

  it('are sentences for people, and keep what is one already', () => {
    const own = new OperatingError('timed_out', 'mine');
    expect(describeRedisError(own)).toBe(own);
    expect(describeRedisError(new Error('Connection is closed.')).message).toBe(
      'Redis did not answer: the connection is closed.',
    );
    expect(describeRedisError(Object.assign(new Error(''), { code: 'ECONNREFUSED' })).message).toContain(
      'ECONNREFUSED',
    );
    expect(describeRedisError('something thrown').message).toContain('something thrown');
  });
});

describe('a deadline', () => {
  it('gives the result in time, or says what was given up', async () => {
    expect(await withDeadline(Promise.resolve(1), 1_000, 'counting')).toBe(1);
    await expect(withDeadline(new Promise(() => {}), 10, 'counting')).rejects.toThrow(
      'Gave up counting after 10 ms',
    );
    await expect(withDeadline(Promise.reject(new Error('no')), 1_000, 'counting')).rejects.toThrow('no');
  });

  it('can be called off, before and during', async () => {
    const calledOff = new AbortController();
    const waiting = withDeadline(new Promise(() => {}), 60_000, 'counting', calledOff.signal);
    calledOff.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    await expect(
      withDeadline(new Promise(() => {}), 60_000, 'counting', calledOff.signal),
    ).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});
