/**
 * What the nemesis does. Each fault begins, lasts for a time that the seed decides, and ends: the network is whole again,
 * who was killed is started anew. What it did to the data stays.
 */
import { Redis } from 'ioredis';
import { setTimeout as pause } from 'node:timers/promises';
import { startRedis } from '../../../src/embedded/start-redis.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { Stage } from './stage.ts';

type Strike = (stage: Stage, random: SeededRandom) => Promise<void>;

const last = async (random: SeededRandom, maxMs = 3_000): Promise<void> => pause(random.integer(300, maxMs));

export const faults: Readonly<Record<string, Strike>> = {
  'a daemon is killed': async (stage, random) => {
    const at = random.integer(0, 1);
    await stage.daemons[at]?.kill();
    await last(random);
    stage.startDaemon(at);
  },
  'a daemon is paused for longer than its leases live': async (stage, random) => {
    const daemon = stage.daemons[random.integer(0, 1)];
    daemon?.signal('SIGSTOP');
    await pause(random.integer(15_000, 18_000));
    daemon?.signal('SIGCONT');
  },
  'an application is killed': async (stage, random) => {
    const at = random.integer(0, 1);
    await stage.gates[at]?.kill();
    stage.startGate(at);
  },
  'an application is paused': async (stage, random) => {
    const gate = stage.gates[random.integer(0, 1)];
    gate?.signal('SIGSTOP');
    await last(random);
    gate?.signal('SIGCONT');
  },
  'answers of the marker Redis are lost': async ({ toMarkers }, random) => {
    toMarkers.set('swallow_replies');
    await last(random);
    toMarkers.set('pass');
    toMarkers.cut();
  },
  'the marker Redis cannot be reached': async ({ toMarkers }, random) => {
    toMarkers.set('reset');
    await last(random);
    toMarkers.set('pass');
  },
  'requests to Postgres are lost': async ({ toPostgres }, random) => {
    toPostgres.set('swallow_requests');
    await last(random);
    toPostgres.set('pass');
    toPostgres.cut();
  },
  'Postgres dies and recovers': async ({ postgres }, random) => {
    await postgres.kill();
    await last(random, 1_000);
    await postgres.restart();
  },
  'markers are evicted': async ({ world, distributor }, random) => {
    const keys = [...distributor.book().values()].map(({ markerKey }) => markerKey).slice(-200);
    const evicted = keys.filter(() => random.chance(0.1)).slice(0, 20);
    if (evicted.length > 0) await world.redis.del(...evicted);
  },
  'the marker Redis is flushed': async ({ world }) => {
    await world.redis.flushall();
  },
  'the marker Redis fails over, and the last writes are lost': failOver,
  'the queue Redis comes back empty': async ({ queue }, random) => {
    await queue.kill();
    await last(random, 1_000);
    await queue.restart();
  },
  'a transaction is left open': async ({ world }, random) => {
    const client = await world.pool.connect();
    try {
      await client.query('begin; select pg_current_xact_id()');
      await last(random, 5_000);
    } finally {
      client.release(true);
    }
  },
  'the distributor is away': async ({ distributor }, random) => {
    distributor.setDown(true);
    await last(random);
    distributor.setDown(false);
  },
};

async function failOver(stage: Stage, random: SeededRandom): Promise<void> {
  const before = stage.markers;
  const replica = await startRedis({
    env: process.env,
    settings: { replicaof: ['127.0.0.1', String(before.port)], 'repl-diskless-sync-delay': '0' },
  });
  const promoted = new Redis(replica.url);
  promoted.on('error', () => undefined);
  try {
    await waitFor(async () => /master_link_status:up/.test(await promoted.info('replication')), {
      what: 'the replica to be in sync',
    });
    replica.signal('SIGSTOP');
    await stage.world.redis.call('CLIENT', 'KILL', 'TYPE', 'replica');
    await last(random, 1_500);
    stage.markersWay.lead(null);
    await stage.recording.endMarkers();
    await before.kill();
    replica.signal('SIGCONT');
    await promoted.replicaof('NO', 'ONE');
    await stage.recording.followMarkers(replica.url);
    stage.markers = replica;
    stage.markersWay.lead(replica.port);
    await before.stop();
  } finally {
    promoted.disconnect();
  }
}
