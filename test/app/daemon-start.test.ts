/**
 * The daemon's start and end on real stores: it waits for stores that are away, refuses what is wrong, and ends on
 * request in every state (FAULTS "The daemon" 5, 25).
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperatingError } from '../../src/domain/operating-error.ts';
import { sampleHorizon } from '../../src/postgres/horizon.ts';
import { useProgram } from '../cli/support/program.ts';
import type { ShopSettings } from '../cli/support/shop-config.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { startShopDaemon, type ShopDaemon } from './support/shop-daemon.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;
const opened: ShopDaemon[] = [];
const proxies: TcpProxy[] = [];

beforeEach(async () => {
  world = await worlds.create();
});

afterEach(async () => {
  for (const daemon of opened.splice(0)) await daemon.stop();
  for (const proxy of proxies.splice(0)) await proxy.close();
});

async function start(settings: ShopSettings & { withOrders?: boolean } = {}): Promise<ShopDaemon> {
  const daemon = await startShopDaemon(world, program, settings);
  opened.push(daemon);
  return daemon;
}

async function proxyTo(url: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy(url);
  proxies.push(proxy);
  return proxy;
}

async function statusOf(daemon: ShopDaemon, path: string): Promise<number> {
  return (await daemon.get(path)).status;
}

/** What `/readyz` says, once it answers. */
async function reasonsOf(daemon: ShopDaemon): Promise<readonly string[]> {
  const { text } = await daemon.get('/readyz');
  const { reasons }: { reasons: string[] } = JSON.parse(text);
  return reasons;
}

describe('a store that is away at the start', () => {
  it.each([
    ['Postgres', 'databaseUrl', 'Postgres does not answer'],
    ['the marker Redis', 'markersUrl', 'the marker Redis does not answer'],
    ['the queue Redis', 'queueUrl', 'the queue Redis does not answer'],
  ] as const)(
    '%s: the daemon lives, is not ready and says why, until it comes back',
    async (_, key, reason) => {
      const proxy = await proxyTo(key === 'databaseUrl' ? world.databaseUrl : world.redisUrl);
      proxy.set('reset');
      const daemon = await start({ [key]: proxy.url });
      await waitFor(async () => statusOf(daemon, '/livez'), { what: 'the port to be open' });
      expect(await statusOf(daemon, '/livez')).toBe(200);
      const { status, text } = await daemon.get('/readyz');
      expect(status).toBe(503);
      expect(JSON.parse(text)).toMatchObject({ ready: false, reasons: expect.arrayContaining([reason]) });
      expect(await reasonsOf(daemon)).toContain('the worker is not running (yet, or any more)');
      await waitFor(() => daemon.log().some((line) => line.startsWith('waiting: ')), {
        what: 'the log to say so',
      });
      proxy.set('pass');
      await daemon.started;
      await waitFor(async () => (await statusOf(daemon, '/readyz')) === 200, {
        what: 'the daemon to be ready',
      });
      expect(await reasonsOf(daemon)).toEqual([]);
    },
  );

  it.each([
    ['refuses', 'reset'],
    ['never answers', 'swallow_replies'],
  ] as const)('5: a daemon that waits for a Postgres that %s ends when it is told to', async (_, mode) => {
    const proxy = await proxyTo(world.databaseUrl);
    proxy.set(mode);
    const daemon = await start({ databaseUrl: proxy.url });
    await waitFor(async () => statusOf(daemon, '/livez'), { what: 'the port to be open' });
    await waitFor(() => proxy.count().total > 0, { what: 'an attempt to connect' });
    daemon.abort();
    await expect(daemon.started).rejects.toThrow();
    await expect(daemon.get('/livez')).rejects.toThrow();
  });

  it.each(['reset', 'swallow_replies'] as const)(
    '5: a daemon that waits for its Redis servers (%s) ends when it is told to',
    async (mode) => {
      const proxy = await proxyTo(world.redisUrl);
      proxy.set(mode);
      const daemon = await start({ markersUrl: proxy.url, queueUrl: proxy.url });
      await waitFor(async () => statusOf(daemon, '/livez'), { what: 'the port to be open' });
      daemon.abort();
      await expect(daemon.started).rejects.toThrow();
      await expect(daemon.get('/livez')).rejects.toThrow();
    },
  );
});

describe('what is wrong', () => {
  it('25: tables that cannot be read are all named, and nothing is left open', async () => {
    await world.pool.query('alter table order_grab drop column driver_id');
    const daemon = await start({ table: 'gift_claims', withOrders: true });
    const refusal: unknown = await daemon.started.catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(OperatingError);
    expect(refusal).toMatchObject({ code: 'configuration' });
    expect(String(refusal)).toContain('The daemon does not start; nothing was changed');
    expect(String(refusal)).toContain('sources.gifts: ');
    expect(String(refusal)).toContain('gift_claims');
    expect(String(refusal)).toContain('sources.orders: ');
    expect(String(refusal)).toContain('driver_id');
    await expect(daemon.get('/livez')).rejects.toThrow();
  });

  it('a schema that is not up to date is refused, with the command that helps', async () => {
    await world.pool.query('drop schema reconciler cascade');
    const daemon = await start();
    const refusal: unknown = await daemon.started.catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'not_ready' });
    expect(String(refusal)).toContain('Run: claim-reconciler migrate');
  });
});

describe('a daemon that works', () => {
  it('repairs what it finds, and shows it on every page', async () => {
    await sampleHorizon(world.pool, 0);
    const gift = await world.addGift();
    const daemon = await start();
    const { url } = await daemon.started;
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await waitFor(async () => (await world.readMarker(gift.key))?.value === gift.attempt, {
      what: 'the repair',
    });
    await waitFor(async () => (await world.discrepancies())[0]?.state === 'resolved', { what: 'its end' });
    const overview = await daemon.get('/');
    expect(overview.status).toBe(200);
    expect(overview.text).toContain('gifts');
    const metrics = await daemon.get('/metrics');
    expect(metrics.status).toBe(200);
    expect(metrics.text).toMatch(/repairs_total\{[^}]*outcome="applied"[^}]*\} 1/);
    expect(metrics.text).toContain('detection_latency_seconds_count{source="gifts"} 1');
    expect(metrics.text).toContain('open_claims_up{source="gifts"} 1');
    expect(await statusOf(daemon, '/queues')).toBe(200);
    const queues = await daemon.get('/queues/api/queues');
    expect(JSON.parse(queues.text)).toMatchObject({
      queues: [{ name: 'passes' }, { name: 'chunks' }, { name: 'rechecks' }, { name: 'by-hand' }],
    });
    expect(JSON.parse((await daemon.get('/api/status')).text)).toMatchObject({
      sources: [{ name: 'gifts' }],
    });
  });

  it('25: keeps its configuration when the file is overwritten', async () => {
    const daemon = await start();
    await daemon.started;
    await writeFile(join(program.folder(), 'daemon.yaml'), 'sources: { gone: }');
    const before = (await world.passes()).length;
    await waitFor(async () => (await world.passes()).length > before + 1, { what: 'further passes' });
    const gift = await world.addGift();
    await waitFor(async () => (await world.readMarker(gift.key))?.value === gift.attempt, {
      what: 'a repair',
    });
    expect(new Set((await world.passes()).map(({ source }) => source))).toEqual(new Set(['gifts']));
  });

  it('says each step of its end, and closes everything', async () => {
    const daemon = await start();
    await daemon.started;
    expect(await daemon.stop()).toBe(true);
    expect(daemon.log()).toContain('stopping: SIGTERM received');
    expect(daemon.log().at(-1)).toBe('stopped');
    await expect(daemon.get('/livez')).rejects.toThrow();
    // The servers learn of the ends of connections a moment later.
    await waitFor(async () => (await countSessions()) === 0, { what: 'no session in Postgres' });
    await waitFor(async () => !String(await world.redis.client('LIST')).includes('name=claim-reconciler'), {
      what: 'no connection to Redis',
    });
  });
});

async function countSessions(): Promise<number | undefined> {
  const { rows } = await world.pool.query<{ count: number }>(
    `select count(*)::int from pg_stat_activity
     where datname = current_database() and application_name = 'claim-reconciler'`,
  );
  return rows[0]?.count;
}
