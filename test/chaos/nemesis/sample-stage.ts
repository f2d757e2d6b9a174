/**
 * Samples what a stage takes: memory, descriptors, timers and other resources of the daemons as they tell them at `/metrics`, and
 * the connections that each server counts.
 * Does not judge: see `soak-verdict.ts`. What does not answer at the moment, since a fault is on, is left out.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { ProcessHandle } from '../../support/process-handle.ts';
import type { Sample } from './soak-verdict.ts';
import type { Stage } from './stage.ts';

const everyMs = 2_000;
const patienceMs = 1_000;

export interface Sampling {
  /** Resolves to all samples, in order. */
  readonly stop: () => Promise<readonly Sample[]>;
}

/** From now on, until it is stopped. */
export function sampleStage(stage: Stage): Sampling {
  const samples: Sample[] = [];
  const stopping = new AbortController();
  const sampling = (async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      samples.push(await sampleOnce(stage));
      await pause(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await sampling;
      return samples;
    },
  };
}

async function sampleOnce({ daemons, world, queueClient }: Stage): Promise<Sample> {
  const parts = await Promise.allSettled([
    ...daemons.map(async (daemon, at) => sampleDaemon(daemon, `daemon ${at + 1}`)),
    withinPatience(world.redis.info('clients')).then((text) => ({
      'marker Redis: connections': clientsIn(text),
    })),
    withinPatience(queueClient.info('clients')).then((text) => ({
      'queue Redis: connections': clientsIn(text),
    })),
    withinPatience(
      world.pool.query<{ count: number }>(
        `select count(*)::int from pg_stat_activity where backend_type = 'client backend'`,
      ),
    ).then(({ rows }) => ({ 'Postgres: connections': rows[0]?.count ?? Number.NaN })),
  ]);
  const read = parts.flatMap((part) => (part.status === 'fulfilled' ? [part.value] : []));
  return Object.assign({}, ...read) as Sample;
}

async function sampleDaemon(daemon: ProcessHandle, name: string): Promise<Sample> {
  const url = /dashboard at (http:\/\/[\d.:]+)/.exec(daemon.output())?.[1];
  if (url === undefined) throw new Error('it has not started yet');
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(patienceMs) });
  const text = await answer.text();
  const read = (metric: string): number => {
    const line = text.split('\n').find((one) => one.startsWith(`${metric} `));
    if (line === undefined) throw new Error(`there is no metric ${metric}`);
    return Number(line.split(' ').at(-1));
  };
  const megabyte = 1_048_576;
  return {
    [`${name}: resident, MB`]: read('process_resident_memory_bytes') / megabyte,
    [`${name}: heap, MB`]: read('nodejs_heap_size_used_bytes') / megabyte,
    [`${name}: descriptors`]: read('process_open_fds'),
    [`${name}: timers`]: read('nodejs_active_resources{type="Timeout"}'),
    [`${name}: active resources`]: read('nodejs_active_resources_total'),
  };
}

function clientsIn(info: string): number {
  return Number(/connected_clients:(\d+)/.exec(info)?.[1] ?? Number.NaN);
}

async function withinPatience<T>(work: Promise<T>): Promise<T> {
  const late = pause(patienceMs, undefined, { ref: false }).then(() => {
    throw new Error('no answer in time');
  });
  return Promise.race([work, late]);
}
