/**
 * Markers in a Redis Cluster of three primaries with a replica each (FAULTS "The daemon" 9): passes judge and repair as on one
 * server; a server that is killed in mid-pass is no drift; what is lost in a failover is found unasked. Judged by what is in
 * the stores, and by the errors that the servers counted: not one command named keys of two slots.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keySlot } from '../../src/domain/key-slot.ts';
import { encodeOpenClaim, openClaimsKey } from '../../src/domain/open-claim.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { PassReport } from '../../src/reconcile/pass-report.ts';
import { connectMarkers, untilMarkersReady } from '../../src/redis/connect-markers.ts';
import { endRedis } from '../../src/redis/connect.ts';
import type { MarkerRedis } from '../../src/redis/script.ts';
import { startShopDaemon } from '../app/support/shop-daemon.ts';
import { useProgram } from '../cli/support/program.ts';
import { shopConfig } from '../cli/support/shop-config.ts';
import { accessList, allow } from '../ops/support/least-rights.ts';
import { dayMs, graceMs } from '../reconcile/support/claim-tables.ts';
import { before, claimLooks, readsClaims } from '../reconcile/support/intercept.ts';
import type { PassChanges } from '../reconcile/support/job-deps.ts';
import { knownDistributor } from '../reconcile/support/known-distributor.ts';
import { createWorld, type Gift, type World } from '../reconcile/support/world.ts';
import { askNode, startRedisCluster, type TestCluster } from '../support/redis-cluster.ts';
import { waitFor } from '../support/wait-for.ts';

const program = useProgram();
const patience = { timeoutMs: 60_000 };
const password = 'a-password';
/** What a Cluster needs besides; and keys of the namespace that passes of a world have. */
const moreRights = ' ~own:* +cluster|slots +readonly +readwrite';
let cluster: TestCluster;
let queue: RunningServer;
let world: World;
let markers: MarkerRedis;

/** As the user whose rights are shipped. */
const url = (): string => cluster.url.replace('://', `://claim-reconciler-markers:${password}@`);
const all = (): readonly RunningServer[] => [...cluster.servers, ...cluster.replicas];

beforeAll(async () => {
  const settings = { 'cluster-node-timeout': '1000', 'cluster-replica-validity-factor': '0' };
  [cluster, queue] = await Promise.all([
    startRedisCluster(3, { hasReplicas: true, settings }),
    startRedis({ env: process.env }),
  ]);
  await allowOn(all());
  markers = connectMarkers(url(), { onError: () => undefined });
  await untilMarkersReady(markers, 20_000);
  world = await createWorld({ redisUrl: queue.url });
});

afterEach(async () => {
  const told = await Promise.allSettled(
    all().map(async (server) =>
      askNode(server, async (admin) => [await admin.info('errorstats'), await admin.call('ACL', 'LOG')]),
    ),
  );
  const alive = told.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  expect(alive.length).toBeGreaterThan(3);
  for (const [errors, refused] of alive) {
    expect(errors).not.toContain('CROSSSLOT');
    expect(refused).toEqual([]);
  }
});

afterAll(async () => {
  await endRedis(markers, 1_000);
  await world.drop();
  await Promise.all([cluster.stop(), queue.stop()]);
});

/** An access list is not kept where it is not written down, and not passed on. */
async function allowOn(servers: readonly RunningServer[]): Promise<void> {
  const own = /^user claim-reconciler-markers .*$/gm;
  const list = accessList(password).replaceAll(own, (line) => line + moreRights);
  for (const server of servers) {
    await askNode(server, async (admin) => {
      await allow(admin, list, 'claim-reconciler-markers');
      await admin.call('ACL', 'LOG', 'RESET');
    });
  }
}

async function pass(changes: PassChanges = {}): Promise<PassReport> {
  return world.runPass({ markers, ...changes });
}

async function setMarker({ key, attempt }: Gift): Promise<void> {
  await cluster.client.set(key, attempt, 'PX', dayMs);
}

/** Claims, at least one with its marker on each of the primaries, told by the first. */
async function addSpread(status = 'granted'): Promise<Gift[]> {
  const gifts: Gift[] = [];
  const seen = new Set<number>();
  while (seen.size < 3) {
    const gift = await world.addGift({ status });
    gifts.push(gift);
    seen.add(primaryOf(gift));
  }
  return gifts;
}

function primaryOf({ key }: Gift): number {
  return Math.floor((keySlot(Buffer.from(key)) * 3) / 16_384);
}

describe('a pass', () => {
  it('finds and repairs what is wrong on each of the servers, and then nothing more', async () => {
    const missing = await addSpread();
    const orphans = await addSpread('failed');
    const immortal = await addSpread();
    const fine = await addSpread();
    for (const gift of [...orphans, ...fine]) await setMarker(gift);
    for (const { key, attempt } of immortal) await cluster.client.set(key, attempt);
    const bad = [...missing, ...orphans, ...immortal];
    expect(await pass()).toMatchObject({
      checked: bad.length + fine.length,
      verdicts: {
        missing_marker: missing.length,
        orphan_marker: orphans.length,
        immortal_marker: immortal.length,
      },
      repairs: { applied: bad.length },
      open: 0,
    });
    for (const { key, attempt } of [...missing, ...immortal, ...fine]) {
      expect(await cluster.client.get(key)).toBe(attempt);
      expect(await cluster.client.pttl(key)).toBeGreaterThan(0);
    }
    for (const { key } of orphans) expect(await cluster.client.exists(key)).toBe(0);
    expect(await pass()).toMatchObject({ checked: 0, open: 0 });
  });

  it('finds a marker without a row in the index, which lies elsewhere', async () => {
    const index = openClaimsKey('own', 'gifts');
    const uids = [9_001, 9_002, 9_003, 9_004, 9_005];
    const [seconds] = await askNode(queue, async (admin) => admin.time());
    for (const uid of uids) {
      const lost = { markerKey: `gift:${uid}`, markerValue: `lost-${uid}`, attempt: `lost-${uid}` };
      const open = { ...lost, columns: { uid }, expiresAtMs: Date.now() + dayMs };
      await cluster.client.set(lost.markerKey, lost.markerValue, 'PX', dayMs);
      await cluster.client.zadd(index, Number(seconds) * 1000 - 2 * graceMs, encodeOpenClaim(open));
    }
    expect(await pass({ distributor: knownDistributor() })).toMatchObject({
      verdicts: { rowless_marker: uids.length },
      actions: { delete_marker: { applied: uids.length } },
      open: 0,
    });
    for (const uid of uids) expect(await cluster.client.exists(`gift:${uid}`)).toBe(0);
    expect(await pass()).toMatchObject({ checked: 0, open: 0 });
    expect(await cluster.client.zcard(index)).toBe(0);
  });
});

it('what the user may not do on one of the servers is named, and the server is not the one that is asked first', async () => {
  const config = await program.write('cluster.yaml', shopConfig(world, { markersUrl: url() }));
  expect(await program.run(['check', '--config', config])).toMatchObject({ code: 0, err: [] });
  const [, , last] = cluster.replicas;
  await askNode(last ?? queue, async (admin) =>
    admin.call('ACL', 'SETUSER', 'claim-reconciler-markers', '-cluster|slots', '-pexpire'),
  );
  const { code, out } = await program.run(['check', '--config', config]);
  expect(code).toBe(2);
  expect(out.filter((line) => line.startsWith('problem'))).toEqual([
    expect.stringMatching(
      /may not run cluster\|slots \(the slots of a Cluster\); run: ACL SETUSER claim-reconciler-markers \+cluster\|slots$/,
    ),
    expect.stringMatching(/may not run pexpire on keys such as gift:0/),
  ]);
  await allowOn(all());
});

it('a server that is killed in mid-pass is no drift: nothing is recorded, and once its replica is promoted all is found', async () => {
  const [killed] = cluster.servers;
  if (killed === undefined) throw new Error('there are three');
  const gifts = await addSpread();
  const wrong = gifts.filter((gift) => primaryOf(gift) === 0);
  for (const gift of gifts.filter((one) => !wrong.includes(one))) await setMarker(gift);
  const checkpoint = await world.checkpoint();
  const known = (await world.discrepancies()).length;
  const pool = before(world.pool, readsClaims, claimLooks.confirm, async () => killed.kill());
  expect(await pass({ pool })).toMatchObject({
    outcome: 'aborted',
    checked: 0,
    reason: expect.stringContaining('A marker could not be read'),
  });
  expect(await world.checkpoint()).toEqual(checkpoint);
  expect(await world.discrepancies()).toHaveLength(known);
  const report = await waitFor(
    async () => {
      const one = await pass();
      return one.outcome === 'completed' ? one : null;
    },
    { what: 'a pass after the failover', ...patience },
  );
  expect(report).toMatchObject({ verdicts: { missing_marker: wrong.length }, open: 0 });
  for (const { key, attempt } of gifts) expect(await cluster.client.get(key)).toBe(attempt);
  await killed.restart();
  await allowOn([killed]);
});

it('a daemon goes on after a failover, and what it lost is re-issued unasked', async () => {
  const [, primary] = cluster.servers;
  const [, replica] = cluster.replicas;
  if (primary === undefined || replica === undefined) throw new Error('there are three');
  const daemon = await startShopDaemon(world, program, { markersUrl: url(), queueUrl: queue.url });
  try {
    await daemon.started;
    expect(await daemon.get('/readyz')).toMatchObject({ status: 200 });
    replica.signal('SIGSTOP');
    await askNode(primary, async (admin) => admin.call('CLIENT', 'KILL', 'TYPE', 'replica'));
    const gifts: Gift[] = [];
    while (gifts.length < 9) gifts.push(await world.addGift());
    for (const gift of gifts) await setMarker(gift);
    const lost = gifts.filter((gift) => primaryOf(gift) === 1);
    expect(lost.length).toBeGreaterThan(0);
    await waitFor(async () => (await world.checkpoint()).id === gifts.at(-1)?.id, {
      what: 'them to be judged',
      ...patience,
    });
    const applied = async (): Promise<number> =>
      (await world.repairs()).filter(({ outcome }) => outcome === 'applied').length;
    const already = await applied();
    await primary.kill();
    replica.signal('SIGCONT');
    await waitFor(async () => (await applied()) === already + lost.length, {
      what: 'the repairs',
      ...patience,
    });
    for (const { key, attempt } of gifts) expect(await cluster.client.get(key)).toBe(attempt);
  } finally {
    expect(await daemon.stop()).toBe(true);
  }
}, 120_000);
