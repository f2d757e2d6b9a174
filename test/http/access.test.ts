/**
 * Who is let in: every way in that must stay shut, on the whole server.
 */
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { assertServable, isLoopback } from '../../src/http/access.ts';
import { buildHttp } from '../../src/http/server.ts';
import { basic, credentials, httpOptions, signedIn, type Logged } from './options.ts';

const apps: FastifyInstance[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

async function statusOf(
  request: InjectOptions,
  { open = false, logged = [] }: { open?: boolean; logged?: Logged } = {},
): Promise<number> {
  const app = await buildHttp(httpOptions(open ? {} : { credentials: [credentials] }, logged));
  apps.push(app);
  return (await app.inject({ method: 'GET', ...request })).statusCode;
}

const guarded = ['/', '/page.css', '/api/status', '/metrics', '/queues', '/queues/', '/queues/api/queues'];

describe('with credentials', () => {
  test.each(guarded)('%s is shown to those who give them, and to nobody else', async (url) => {
    expect(await statusOf({ url })).toBe(401);
    expect(await statusOf({ url, headers: basic('ops', 'wrong') })).toBe(401);
    expect(await statusOf({ url, headers: basic('wrong', credentials.password) })).toBe(401);
    expect(await statusOf({ url, headers: { authorization: 'Basic ?' } })).toBe(401);
    expect(await statusOf({ url, headers: signedIn })).toBe(200);
  });

  test.each(['/livez', '/readyz'])('%s needs none: a probe has none', async (url) => {
    expect(await statusOf({ url })).toBe(200);
  });

  test.each(['/livez/../api/status', '//api/status', '/api/status?x=/livez', '/%61pi/status', '/API/STATUS'])(
    'the path %s is no way around them',
    async (url) => {
      expect([401, 404]).toContain(await statusOf({ url }));
    },
  );

  test('a browser is asked for them, and a wrong try is logged without what was tried', async () => {
    const logged: Logged = [];
    const app = await buildHttp(httpOptions({ credentials: [credentials] }, logged));
    apps.push(app);
    const answer = await app.inject({ url: '/', headers: basic('ops', 'guess') });
    expect(answer.headers['www-authenticate']).toBe('Basic realm="claim-reconciler", charset="UTF-8"');
    expect(answer.body).not.toContain('guess');
    expect(logged).toEqual(['warn wrong credentials for the dashboard']);
  });

  test('any name of the host is answered: a proxy may stand in front', async () => {
    expect(await statusOf({ url: '/', headers: { ...signedIn, host: 'claims.example.com' } })).toBe(200);
  });
});

describe('a write', () => {
  const pause = { method: 'PUT', url: '/queues/api/queues/pause' } as const;

  test('is refused without credentials, whatever the request says', async () => {
    expect(await statusOf(pause)).toBe(401);
    expect(await statusOf(pause, { open: true })).toBe(403);
    expect(await statusOf({ ...pause, headers: signedIn }, { open: true })).toBe(403);
  });

  test.each([
    ['a page of another site', { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:3020' }],
    ['a page of a neighbouring host', { 'sec-fetch-site': 'same-site' }],
    ['an older browser on another origin', { origin: 'https://evil.example' }],
    ['another port of this host', { origin: 'http://localhost:8080' }],
    ['a page without an origin', { origin: 'null' }],
  ])('of %s is refused although the browser sends the credentials', async (_, headers) => {
    expect(await statusOf({ ...pause, headers: { ...signedIn, ...headers } })).toBe(403);
  });

  test.each([
    ['its own page', { 'sec-fetch-site': 'same-origin', origin: 'https://behind-a-proxy.example' }],
    ['its own page in an older browser', { origin: 'http://localhost:3020' }],
    ['a program that is no browser', {}],
  ])('of %s is made, and logged', async (_, headers) => {
    const logged: Logged = [];
    const request = { ...pause, headers: { ...signedIn, host: 'localhost:3020', ...headers } };
    expect(await statusOf(request, { logged })).toBe(200);
    expect(logged).toEqual(['info changed over HTTP']);
  });
});

describe('without credentials, on loopback', () => {
  test.each(guarded)('%s is shown', async (url) => {
    expect(await statusOf({ url }, { open: true })).toBe(200);
  });

  test('a page that points its own name here cannot read along', async () => {
    const headers = { host: 'evil.example:3020' };
    expect(await statusOf({ url: '/api/status', headers }, { open: true })).toBe(403);
    expect(await statusOf({ url: '/livez', headers }, { open: true })).toBe(200);
  });

  test.each(['localhost:3020', '127.0.0.1', '[::1]:3020', 'LOCALHOST'])(
    'the host %s is this machine',
    async (host) => {
      expect(await statusOf({ url: '/', headers: { host } }, { open: true })).toBe(200);
    },
  );
});

test.each(['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost', 'LocalHost'])('%s is loopback', (host) => {
  expect(isLoopback(host)).toBe(true);
});

test.each([
  '0.0.0.0',
  '::',
  '10.0.0.1',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  '',
  '1270.0.0.1',
])('"%s" is not loopback', (host) => {
  expect(isLoopback(host)).toBe(false);
});

test('off loopback it is refused without credentials, and unusable credentials are refused', () => {
  const refused = { code: 'configuration', message: expect.stringContaining('was not started') as string };
  expect(() => assertServable('0.0.0.0', [])).toThrow(expect.objectContaining(refused));
  expect(() => assertServable('127.0.0.1', [{ username: '', password: 'x' }])).toThrow(/must not be empty/);
  expect(() => assertServable('127.0.0.1', [{ username: 'a:b', password: 'x' }])).toThrow(/colon/);
  expect(() => assertServable('127.0.0.1', [{ username: 'a', password: '' }])).toThrow(/must not be empty/);
  expect(() => assertServable('0.0.0.0', [credentials])).not.toThrow();
  expect(() => assertServable('localhost', [])).not.toThrow();
});

const pauseAll = { method: 'PUT', url: '/queues/api/queues/pause' } as const;

test('each person has credentials of their own, and is on record by name with what was changed', async () => {
  const noted: object[] = [];
  const log = { info: (fields: object) => void noted.push(fields), warn: () => undefined };
  const people = [credentials, { username: 'ada', password: 'lovelace' }];
  const app = await buildHttp(httpOptions({ credentials: people, log }));
  apps.push(app);
  const by = async (headers: { readonly authorization: string }): Promise<number> =>
    (await app.inject({ ...pauseAll, headers })).statusCode;
  expect(await by(basic('ada', credentials.password))).toBe(401);
  expect(noted).toEqual([]);
  expect(await by(basic('ada', 'lovelace'))).toBe(200);
  expect(noted).toEqual([expect.objectContaining({ by: 'ada', url: pauseAll.url })]);
});

test('read-only, reports are taken and nothing else is', async () => {
  const app = await buildHttp(httpOptions({ credentials: [credentials], readOnly: true }));
  apps.push(app);
  const report = { method: 'POST', url: '/api/reports', payload: {}, headers: signedIn } as const;
  expect((await app.inject(report)).statusCode).toBe(202);
  const pause = await app.inject({ ...pauseAll, headers: signedIn });
  expect(pause.statusCode).toBe(403);
  expect(pause.json()).toEqual({ error: expect.stringContaining('read-only (http.readOnly)') as string });
});
