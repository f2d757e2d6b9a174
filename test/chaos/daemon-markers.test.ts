/**
 * The daemon while its marker Redis forgets, fills up, is demoted or fails over (FAULTS "The daemon" 2, 3, 6, 7, 8). Judged
 * by what is in both stores. The queue is on a server of its own.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { startShopDaemon, type ShopDaemon } from '../app/support/shop-daemon.ts';
import { useProgram } from '../cli/support/program.ts';
import { shopConfig, type ShopSettings } from '../cli/support/shop-config.ts';
import { createWorld, type Gift, type World } from '../reconcile/support/world.ts';
import { startSwitch, type Switch } from '../support/switch.ts';
import { waitFor } from '../support/wait-for.ts';

const program = useProgram();
const claimCount = 30;
const brakeAtMost = 10;
const brake = `{ repairsPerPlan: ${brakeAtMost}, repairsPerHour: 1000, share: 100%, shareSample: 1000 }`;
const patience = { timeoutMs: 60_000 };
let queueServer: RunningServer;
let markerServer: RunningServer;
let world: World;
let daemon: ShopDaemon;
let way: Switch;

beforeAll(async () => {
  queueServer = await startRedis({ env: process.env });
});

afterAll(async () => queueServer.stop());

beforeEach(async () => {
  markerServer = await startRedis({ env: process.env, settings: { 'repl-diskless-sync-delay': '0' } });
  way = await startSwitch(markerServer.port);
  world = await createWorld({ redisUrl: `redis://127.0.0.1:${way.port}/0` });
  const queue = new Redis(queueServer.url);
  await queue.flushall();
  queue.disconnect();
});

afterEach(async () => {
  await daemon.stop();
  await world.drop();
  await way.close();
  await markerServer.stop();
});

/** Claims with their markers, all of them judged. */
async function begin(settings: ShopSettings = {}): Promise<Gift[]> {
  // One after the other: the last one is then the last that is read.
  const gifts: Gift[] = [];
  while (gifts.length < claimCount) gifts.push(await world.addGift());
  for (const gift of gifts) await world.setMarker(gift);
  daemon = await startShopDaemon(world, program, { queueUrl: queueServer.url, brake, ...settings });
  await daemon.started;
  const last = gifts.at(-1);
  await waitFor(async () => (await world.checkpoint()).id === last?.id, {
    what: 'all to be judged',
    ...patience,
  });
  return gifts;
}

async function applied(): Promise<number> {
  return (await world.repairs()).filter(({ outcome }) => outcome === 'applied').length;
}

async function openAlerts(kind: string): Promise<number> {
  return (await world.alerts()).filter((alert) => alert.kind === kind && alert.state === 'open').length;
}

async function resume(): Promise<void> {
  const config = await program.write('resume.yaml', shopConfig(world, { queueUrl: queueServer.url, brake }));
  expect((await program.run(['resume', '--source', 'gifts', '--config', config])).code).toBe(0);
}

async function expectAllBack(gifts: readonly Gift[]): Promise<void> {
  await waitFor(async () => (await applied()) === gifts.length, {
    what: 'all markers to be re-issued',
    ...patience,
  });
  for (const { key, attempt, expiresAtMs } of gifts) {
    const marker = await world.readMarker(key);
    expect(marker?.value).toBe(attempt);
    expect(Math.abs((marker?.expiresAtMs ?? 0) - expiresAtMs)).toBeLessThan(60_000);
  }
}

it.each([
  {
    what: '2: killed and restarted empty',
    lose: async () => {
      await markerServer.kill();
      await markerServer.restart();
    },
  },
  { what: '3: emptied by FLUSHALL while passes run', lose: async () => world.redis.flushall() },
])(
  '$what: nothing is repaired before a person resumes, people are told once, then all is back',
  async ({ lose }) => {
    const gifts = await begin();
    await lose();
    await waitFor(async () => (await openAlerts('brake')) > 0, { what: 'the brake', ...patience });
    const { length } = await world.passes();
    await waitFor(async () => (await world.passes()).length > length + 2, {
      what: 'passes behind it',
      ...patience,
    });
    expect(await applied()).toBeLessThanOrEqual(brakeAtMost);
    expect(await openAlerts('brake')).toBe(1);
    await resume();
    await expectAllBack(gifts);
  },
  120_000,
);

it('6: full: re-issues fail and are told once, deletes go on, and once there is room all is repaired', async () => {
  const gifts = await begin();
  const orphans = gifts.slice(0, 3);
  const missing = gifts.slice(3, 6);
  await world.redis.config('SET', 'maxmemory', '1');
  for (const { key } of missing) await world.redis.del(key);
  for (const gift of orphans) await world.setGiftStatus(gift, 'failed');
  for (const gift of missing) await world.setGiftStatus(gift, 'granted');
  await waitFor(async () => (await applied()) === orphans.length, { what: 'the deletes', ...patience });
  await waitFor(async () => (await openAlerts('repair_failed')) > 0, { what: 'the alert', ...patience });
  for (const { key } of orphans) expect(await world.readMarker(key)).toBeNull();
  for (const { key } of missing) expect(await world.readMarker(key)).toBeNull();
  expect(await openAlerts('repair_failed')).toBe(1);
  await world.redis.config('SET', 'maxmemory', '0');
  await world.makeDue();
  await waitFor(async () => (await applied()) === 6, { what: 'the re-issues', ...patience });
  for (const { key, attempt } of missing) expect((await world.readMarker(key))?.value).toBe(attempt);
}, 120_000);

it('7: failed over to a replica without the last writes: what was lost is found and re-issued unasked', async () => {
  const gifts = await begin();
  const replica = await startRedis({
    env: process.env,
    settings: { replicaof: ['127.0.0.1', String(markerServer.port)] },
  });
  const promoted = new Redis(replica.url);
  try {
    await waitFor(async () => (await promoted.dbsize()) >= claimCount, { what: 'the replica to be in sync' });
    replica.signal('SIGSTOP');
    await world.redis.call('CLIENT', 'KILL', 'TYPE', 'replica');
    const late = [await world.addGift(), await world.addGift(), await world.addGift()];
    for (const gift of late) await world.setMarker(gift);
    const last = late
      .map(({ id }) => Number(id))
      .toSorted((a, b) => a - b)
      .at(-1);
    await waitFor(async () => Number((await world.checkpoint()).id) === last, {
      what: 'them to be judged',
      ...patience,
    });
    const before = await applied();
    way.lead(null);
    await markerServer.kill();
    replica.signal('SIGCONT');
    await promoted.replicaof('NO', 'ONE');
    way.lead(replica.port);
    await waitFor(async () => (await applied()) === before + late.length, {
      what: 'the repairs',
      ...patience,
    });
    for (const { key, attempt } of [...gifts, ...late]) expect(await promoted.get(key)).toBe(attempt);
  } finally {
    promoted.disconnect();
    await replica.stop();
  }
}, 120_000);

it('8: demoted but still answering: no repair, people are told, and all goes on when it is a primary again', async () => {
  await begin();
  const other = await startRedis({ env: process.env });
  try {
    // Of a primary that is not there: it keeps what it has, and refuses to be written to.
    await other.kill();
    await world.redis.replicaof('127.0.0.1', other.port);
    const claim = await world.addGift();
    await waitFor(async () => (await openAlerts('marker_store_obstacle')) > 0, {
      what: 'the alert',
      ...patience,
    });
    await waitFor(async () => (await world.discrepancies()).some(({ claimId }) => claimId === claim.id), {
      what: 'the claim to be judged',
      ...patience,
    });
    expect(await applied()).toBe(0);
    await world.redis.replicaof('NO', 'ONE');
    await waitFor(async () => (await world.readMarker(claim.key))?.value === claim.attempt, {
      what: 'the repair',
      ...patience,
    });
  } finally {
    await other.stop();
  }
}, 120_000);
