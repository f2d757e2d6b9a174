/**
 * Jobs that somebody else wrote: whoever may write to the queue's Redis can write any. Nothing is run that does not have
 * the shape of its kind, nothing of it is repeated in the log, and the daemon goes on with what is its own.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Queue, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { startFakeReceiver, type FakeReceiver } from '../support/fake-receiver.ts';
import { waitFor } from '../support/wait-for.ts';
import { startShopDaemon, type ShopDaemon } from './support/shop-daemon.ts';

const worlds = useWorlds();
const program = useProgram();
const prefix = 'claim-reconciler:queue';
const canary = 'CANARY-of-a-hostile-job';
let world: World;
let redis: Redis;
let receiver: FakeReceiver;
let daemon: ShopDaemon;
let queues: readonly Queue[];

beforeEach(async () => {
  world = await worlds.create();
  redis = new Redis(world.redisUrl, { maxRetriesPerRequest: null });
  receiver = await startFakeReceiver();
  daemon = await startShopDaemon(world, program, {
    alerts: `{ receivers: { hook: { kind: webhook, url: '${receiver.url}', allowPrivate: true } } }`,
  });
  await daemon.started;
  queues = ['passes', 'chunks', 'rechecks', 'alert-delivery'].map(
    (name) => new Queue(name, { connection: redis, prefix }),
  );
});

afterEach(async () => {
  await daemon.stop();
  await Promise.all(queues.map(async (queue) => queue.close()));
  redis.disconnect();
  await receiver.close();
});

const hostile: readonly unknown[] = [
  null,
  canary,
  [canary],
  {},
  { source: 7, slot: null },
  { source: `gifts'; drop table gift_claim; --${canary}`, slot: null },
  { source: '../../etc/passwd', slot: null },
  { source: 'gifts', slot: 'yesterday' },
  { source: 'gifts', slot: null, mode: 'repair', force: true },
  { source: 'gifts', slot: null, constructor: { prototype: { polluted: canary } } },
  { source: 'x'.repeat(100_000), slot: null },
  { source: 'gifts', passId: '1 or 1=1', number: 1 },
  { source: 'gifts', passId: '9'.repeat(19), number: 1 },
  { source: 'gifts', passId: '1', number: -1 },
  { source: 'gifts', passId: '1', number: 2 ** 31 },
  { delivery: '-1' },
  { delivery: { toString: canary } },
  { delivery: '1 or 1=1' },
];

async function expectStillWorks(): Promise<void> {
  const claim = await world.addGift();
  await waitFor(async () => (await world.readMarker(claim.key))?.value === claim.attempt, {
    what: 'a repair',
  });
  expect(Object.prototype).not.toHaveProperty('polluted');
  expect(receiver.received).toEqual([]);
  expect(daemon.log().join('\n')).not.toContain(canary);
}

it('refuses each job that is not of its kind, runs nothing, and goes on', async () => {
  const jobs = await Promise.all(
    queues.flatMap((queue) => hostile.map(async (data) => queue.add(`name ${canary}`, data))),
  );
  await waitFor(async () => (await Promise.all(jobs.map(async (job) => job.isFailed()))).every(Boolean), {
    what: 'all of them to fail',
  });
  const reasons = await Promise.all(
    jobs.map(async ({ id, queueName }) => {
      const queue = queues.find(({ name }) => name === queueName);
      return (await queue?.getJob(id ?? ''))?.failedReason ?? '';
    }),
  );
  expect(reasons.filter((reason) => !reason.startsWith('Refused, nothing was run'))).toEqual([]);
  expect(reasons.join('\n')).not.toContain(canary);
  await expectStillWorks();
});

it('fails a job for what is not there, though its shape is right', async () => {
  const [passes, deliveries] = queues;
  const jobs = await Promise.all([
    passes?.add('a pass', { source: 'no-such-source', slot: null }),
    deliveries?.add('a delivery', { delivery: '999999999999999999' }),
    passes?.add(
      'a prototype',
      JSON.parse(`{ "source": "none", "slot": null, "__proto__": { "polluted": 1 } }`),
    ),
  ]);
  const hasEnded = async (job?: Job): Promise<boolean> =>
    (await job?.isFailed()) || (await job?.isCompleted()) || false;
  await waitFor(async () => (await Promise.all(jobs.map(hasEnded))).every(Boolean), {
    what: 'all of them to end',
  });
  expect(await Promise.all([jobs[0]?.isFailed(), jobs[2]?.isFailed()])).toEqual([true, true]);
  await expectStillWorks();
});

it.each([
  ['data that is no JSON', { data: `{ ${canary}`, opts: '{}', name: 'x', timestamp: '1' }],
  ['options that are no JSON', { data: '{}', opts: `[ ${canary}`, name: 'x', timestamp: '1' }],
  ['nothing but a name', { name: canary }],
  [
    'a parent elsewhere',
    { data: '{}', opts: '{}', name: 'x', parentKey: 'a:b:c', parent: `{"id":"${canary}"}` },
  ],
])('gets over a job with %s, written past the library', async (_, fields) => {
  const key = `${prefix}:passes`;
  // Its name is part of sentences: it must not reach a terminal as it is.
  const id = `forged\u001b[31m\n${canary}`;
  await redis.hset(`${key}:${id}`, fields);
  await redis.lpush(`${key}:wait`, id);
  await redis.zadd(`${key}:marker`, 0, '0');
  await waitFor(async () => (await redis.lpos(`${key}:wait`, id)) === null, {
    what: 'the job to be taken',
  });
  await expectStillWorks();
  expect(daemon.log().join('')).not.toContain('\u001b');
  expect(await daemon.get('/livez')).toMatchObject({ status: 200 });
});
