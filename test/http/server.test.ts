/**
 * The server as others meet it: answers, headers, stores that are down, ports in use, clients that never hang up.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startHttp, type HttpOptions, type HttpServer } from '../../src/http/server.ts';
import { httpOptions, type Logged } from './options.ts';
import { overviewOf } from './states.ts';

const servers: HttpServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function start(changes: Partial<HttpOptions> = {}, logged: Logged = []): Promise<HttpServer> {
  const server = await startHttp(httpOptions(changes, logged));
  servers.push(server);
  return server;
}

test('serves the overview, its style and the state as JSON, all never kept by caches', async () => {
  const { url } = await start();
  const page = await fetch(url);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('cache-control')).toBe('no-store');
  expect(await page.text()).toContain('All judged claims agree');
  expect((await fetch(`${url}/page.css`)).headers.get('content-type')).toBe('text/css; charset=utf-8');
  expect(await (await fetch(`${url}/api/status`)).json()).toEqual(overviewOf({}));
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('claim_reconciler_state_up 1');
});

test('no page may load anything from elsewhere, run inline scripts or be framed', async () => {
  const { url } = await start();
  for (const path of ['/', '/queues', '/livez', '/nowhere']) {
    const { headers } = await fetch(`${url}${path}`);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src[^;]*unsafe-inline/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('same-origin');
  }
});

test('is alive whatever the stores do, and ready only when they say so', async () => {
  const { url } = await start({
    readiness: async () => ({ ready: false, reasons: ['the marker Redis does not answer'] }),
  });
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  const readyz = await fetch(`${url}/readyz`);
  expect(readyz.status).toBe(503);
  expect(await readyz.json()).toEqual({ ready: false, reasons: ['the marker Redis does not answer'] });
});

test('a readiness check that fails or hangs means not ready, before a probe gives up', async () => {
  const failing = await start({ readiness: () => Promise.reject(new Error('no connection')) });
  const answer = await fetch(`${failing.url}/readyz`);
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ ready: false, reasons: ['no connection'] });
  const hanging = await start({ readiness: () => new Promise(() => undefined) });
  expect((await fetch(`${hanging.url}/readyz`)).status).toBe(503);
});

test('a state that cannot be read is told as such on the page, as JSON and in the metrics', async () => {
  const logged: Logged = [];
  const { url } = await start({ overview: () => Promise.reject(new Error('Postgres is down')) }, logged);
  const page = await fetch(url);
  expect(page.status).toBe(503);
  expect(await page.text()).toContain('The state cannot be read');
  const status = await fetch(`${url}/api/status`);
  expect(status.status).toBe(503);
  expect(await status.json()).toEqual({ error: 'Postgres is down' });
  const metrics = await fetch(`${url}/metrics`);
  expect(metrics.status).toBe(200);
  expect(await metrics.text()).toContain('claim_reconciler_state_up 0');
  expect(logged).toContain('warn an HTTP request failed');
});

test('many viewers cost one reading at a time', async () => {
  let underWay = 0;
  let most = 0;
  const { url } = await start({
    overview: async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return overviewOf({});
    },
  });
  const answers = await Promise.all(Array.from({ length: 30 }, () => fetch(`${url}/api/status`)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(most).toBe(1);
});

test('an unknown path is a 404, and a large body is refused before it is read', async () => {
  const { url } = await start();
  expect((await fetch(`${url}/nowhere`)).status).toBe(404);
  const body = 'x'.repeat(300_000);
  expect((await fetch(`${url}/queues/api/queues/x/add`, { method: 'POST', body })).status).toBe(403);
});

test('says who it could not take the port from, and leaves nothing open', async () => {
  const { url } = await start();
  const { port } = new URL(url);
  await expect(startHttp(httpOptions({ port: Number(port) }))).rejects.toMatchObject({
    code: 'not_ready',
    message: expect.stringMatching(/could not listen on 127\.0\.0\.1 port \d+: .*EADDRINUSE/) as string,
  });
});

test('refuses to start off loopback without credentials', async () => {
  await expect(startHttp(httpOptions({ host: '0.0.0.0' }))).rejects.toMatchObject({ code: 'configuration' });
});

test('names itself as it was configured, and listens on localhost by that name', async () => {
  const { url } = await start({ host: 'localhost' });
  expect(url).toMatch(/^http:\/\/localhost:\d+$/);
  expect((await fetch(url.replace('localhost', '127.0.0.1'))).status).toBe(200);
});

test('closing waits neither for silent clients, nor for half a request, nor for one that hangs', async () => {
  const server = await start({ overview: () => new Promise(() => undefined) });
  const { url } = server;
  const port = Number(new URL(url).port);
  const silent = connect(port, '127.0.0.1');
  const half = connect(port, '127.0.0.1');
  const hanging = connect(port, '127.0.0.1');
  const hungUp = Promise.all([silent, half, hanging].map((socket) => once(socket.resume(), 'close')));
  await Promise.all([silent, half, hanging].map((socket) => once(socket, 'connect')));
  half.write('GET / HTTP/1.1\r\nHost: loc');
  hanging.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await fetch(`${url}/livez`);
  await Promise.all([server.close(), server.close()]);
  await hungUp;
  await expect(fetch(`${url}/livez`)).rejects.toThrow();
});
