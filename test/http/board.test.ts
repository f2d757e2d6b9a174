/**
 * Bull Board on a real queue: what it shows, what it lets change, and that its page asks nobody else for anything.
 */
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Credentials } from '../../src/http/access.ts';
import type { BoardQueue } from '../../src/http/board.ts';
import { startHttp, type HttpServer } from '../../src/http/server.ts';
import { createRedis, type TestRedis } from '../support/redis.ts';
import { credentials, httpOptions, signedIn } from './options.ts';

let redis: TestRedis;
let queue: Queue;
const servers: HttpServer[] = [];

beforeAll(async () => {
  redis = await createRedis();
  queue = new Queue('passes', { connection: redis.client });
  await queue.add('pass over gifts', { source: 'gifts' });
});
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
afterAll(async () => {
  await queue.close();
  await redis.release();
});

const shown = (): BoardQueue => ({ queue, title: 'Passes', description: 'One job a pass.', requests: null });

async function start(...given: readonly Credentials[]): Promise<string> {
  const server = await startHttp(httpOptions({ queues: [shown()], credentials: given }));
  servers.push(server);
  return server.url;
}

test('shows the queue and its jobs by name', async () => {
  const url = await start();
  const answer = await fetch(
    `${url}/queues/api/queues?activeQueue=passes&status=latest&page=1&jobsPerPage=10`,
  );
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    queues: [
      { name: 'passes', readOnlyMode: true, jobs: [{ name: 'pass over gifts', data: { source: 'gifts' } }] },
    ],
  });
});

test.each(['/queues', '/queues/', '/queues/queue/passes'])(
  'the page %s loads its own files only',
  async (path) => {
    const url = await start();
    const answer = await fetch(`${url}${path}`);
    expect(answer.status).toBe(200);
    const page = await answer.text();
    expect(page).toContain('<title>claim-reconciler</title>');
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
    const files = [...page.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, file]) => file ?? '');
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect((await fetch(`${url}/queues/${file}`)).status).toBe(200);
  },
);

test('can change nothing without credentials, and can with them', async () => {
  const pause = '/queues/api/queues/passes/pause';
  expect((await fetch(`${await start()}${pause}`, { method: 'PUT' })).status).toBe(403);
  expect(await queue.isPaused()).toBe(false);
  const url = await start(credentials);
  expect((await fetch(`${url}${pause}`, { method: 'PUT', headers: signedIn })).status).toBe(200);
  expect(await queue.isPaused()).toBe(true);
});
