/**
 * What another client of the marker Redis feels: how long its GETs take while nothing else runs, during a pass, and during
 * the batched script, in turn. Measured apart from the speed, which the other client would spoil.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { median } from './median.ts';
import { nextMessage, type WayProcess } from './spawn-way.ts';

/** The answers that a client got in one round, in milliseconds. */
export interface Felt {
  readonly gets: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Politeness {
  /** Medians over the rounds: the p99 during a pass, above the one while nothing runs. */
  readonly p99AboveIdleMs: number;
  /** Each round that counts, in order. */
  readonly rounds: Readonly<Record<'idle' | 'ours' | 'batched', readonly Felt[]>>;
}

const idleMs = 1_000;

export async function measurePoliteness(options: {
  readonly compiled: string;
  readonly redisUrl: string;
  /** Of any marker. */
  readonly key: string;
  readonly ways: Readonly<Record<'ours' | 'batched', WayProcess>>;
  readonly repeats: number;
}): Promise<Politeness> {
  const { compiled, redisUrl, key, ways, repeats } = options;
  const client = fork(`${compiled}/bench/foreign-client-process.js`, [redisUrl, key], { execArgv: [] });
  const during = {
    idle: () => pause(idleMs),
    ours: () => ways.ours.run(),
    batched: () => ways.batched.run(),
  };
  const rounds: Record<keyof typeof during, Felt[]> = { idle: [], ours: [], batched: [] };
  try {
    await nextMessage(client, 'the other client');
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      await ways.ours.prepare();
      for (const name of ['idle', 'ours', 'batched'] as const)
        rounds[name].push(await feel(client, during[name]));
    }
  } finally {
    client.disconnect();
  }
  const p99 = (felt: readonly Felt[]): number => median(felt.map(({ p99Ms }) => p99Ms));
  return { p99AboveIdleMs: p99(rounds.ours) - p99(rounds.idle), rounds };
}

async function feel(client: ChildProcess, during: () => Promise<unknown>): Promise<Felt> {
  client.send('start');
  await during();
  client.send('stop');
  return (await nextMessage(client, 'the other client')) as Felt;
}
