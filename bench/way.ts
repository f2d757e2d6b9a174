/**
 * What a way is: one method of judging every claim, or one floor under all methods. Each runs in a process of its own, so
 * that its CPU time and its memory are told apart from those of the others.
 * Does not measure and does not start processes: see `way-process.ts` and `spawn-way.ts`.
 */
import type { OpenDemoStores } from '../src/demo/demo-stores.ts';
import type { Calls } from './count-calls.ts';

export const wayNames = ['ours', 'batched', 'rowByRow', 'scan', 'floorPostgres', 'floorRedis'] as const;
export type WayName = (typeof wayNames)[number];

/** Where the claims and markers are, as another process can be told. */
export type StoresAddress = Pick<OpenDemoStores, 'databaseUrl' | 'redisUrl' | 'prefix' | 'namespace'>;

/** What a process of a way is started with, as JSON in its first argument. */
export interface WayRequest {
  readonly way: WayName;
  readonly stores: StoresAddress;
  /** How many claims are judged in one run: the first ones by a script, the newest by ours. */
  readonly rows: number;
}

export interface Way {
  /** Before each run, not measured. */
  prepare?(): Promise<void>;
  /** Returns how many claims were judged, or read. */
  run(): Promise<number>;
  close(): Promise<void>;
}

/** What a process tells of one run. */
export interface WayRun extends Calls {
  readonly judged: number;
  readonly seconds: number;
  /** Of the process of the way, without those of the servers. */
  readonly cpuSeconds: number;
  /** The most that the process has held since it started. */
  readonly peakMegabytes: number;
}
