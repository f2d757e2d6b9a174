/**
 * `npm run bench`: a full pass over claims in order, against what one would write first, and against the floor. Boots its own
 * servers, gives each way a process of its own, runs them in turn (so that a machine that slows down slows all of them).
 * Measures only: it asserts nothing but that every way judged every row.
 */
import { openDemoStores, type OpenDemoStores } from '../src/demo/demo-stores.ts';
import { fillGifts } from '../src/demo/fill-claims.ts';
import { makeClaims } from '../src/demo/synthetic-claims.ts';
import { bootServers } from '../src/embedded/boot-servers.ts';
import { compileBench } from './compile-bench.ts';
import { median } from './median.ts';
import { readServerCpu } from './server-cpu.ts';
import { spawnWay, type WayProcess } from './spawn-way.ts';
import { wayNames, type WayName } from './way.ts';

/** What is measured: the ways, and both floors at one time. */
export const measuredNames = [...wayNames, 'floor'] as const;
export type MeasuredName = (typeof measuredNames)[number];

/** One run of one way. CPU in seconds, of the way's own process and of each server (null: cannot be read here). */
export interface Run {
  readonly seconds: number;
  readonly rowsPerSecond: number;
  readonly nodeCpu: number;
  readonly postgresCpu: number | null;
  readonly redisCpu: number;
  readonly peakMegabytes: number;
}

export interface PassBench {
  readonly rows: number;
  /** Row by row is so slow that a part of the rows tells its rate. */
  readonly rowByRowRows: number;
  readonly repeats: number;
  /** Ours over theirs, by medians of rows per second. */
  readonly ratios: Readonly<Record<'rowByRow' | 'batched' | 'scan' | 'floor', number>>;
  /** Each run that counts, in order. */
  readonly runs: Readonly<Record<MeasuredName, readonly Run[]>>;
}

interface PassOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly rows: number;
  readonly repeats: number;
  readonly say: (line: string) => void;
}

const rowByRowShare = 0.1;

export async function benchPass(options: PassOptions): Promise<PassBench> {
  const { env, rows, repeats, say } = options;
  say('compiling …');
  const compiled = compileBench();
  const servers = await bootServers({ env, say, fresh: true });
  try {
    const stores = await openDemoStores(servers);
    try {
      say(`filling ${rows} claims …`);
      await fillGifts(stores, makeClaims(rows));
      await stores.pool.query('vacuum analyze gift_claim');
      const runs = await measure(stores, compiled.folder, options);
      return { rows, rowByRowRows: rowsOf('rowByRow', rows), repeats, ratios: ratiosOf(runs), runs };
    } finally {
      await stores.close();
    }
  } finally {
    await servers.stop();
    compiled.remove();
  }
}

/** The median of the rates of a way's runs. */
export function rateOf(runs: readonly Run[]): number {
  return median(runs.map(({ rowsPerSecond }) => rowsPerSecond));
}

function ratiosOf(runs: PassBench['runs']): PassBench['ratios'] {
  const ratio = (name: MeasuredName): number => Number((rateOf(runs.ours) / rateOf(runs[name])).toFixed(3));
  return {
    rowByRow: ratio('rowByRow'),
    batched: ratio('batched'),
    scan: ratio('scan'),
    floor: ratio('floor'),
  };
}

function rowsOf(name: MeasuredName, rows: number): number {
  return name === 'rowByRow' ? Math.ceil(rows * rowByRowShare) : rows;
}

/** The processes that make up what is measured: more than one run at the same time. */
const parts: Readonly<Record<MeasuredName, readonly WayName[]>> = {
  ours: ['ours'],
  floor: ['floorPostgres', 'floorRedis'],
  floorPostgres: ['floorPostgres'],
  floorRedis: ['floorRedis'],
  batched: ['batched'],
  rowByRow: ['rowByRow'],
  scan: ['scan'],
};

async function measure(
  stores: OpenDemoStores,
  compiled: string,
  { rows, repeats, say }: PassOptions,
): Promise<PassBench['runs']> {
  const { databaseUrl, redisUrl, prefix, namespace } = stores;
  const address = { databaseUrl, redisUrl, prefix, namespace };
  const processes = new Map<WayName, WayProcess>();
  const runs: Record<MeasuredName, Run[]> = {
    ours: [],
    floor: [],
    floorPostgres: [],
    floorRedis: [],
    batched: [],
    rowByRow: [],
    scan: [],
  };
  try {
    for (const way of wayNames) {
      processes.set(way, await spawnWay(compiled, { way, stores: address, rows: rowsOf(way, rows) }));
    }
    for (let repeat = 0; repeat <= repeats; repeat += 1) {
      for (const name of measuredNames) {
        const members = parts[name].flatMap((way) => processes.get(way) ?? []);
        const run = await runOnce(stores, name, members, rowsOf(name, rows));
        // The first round warms caches and is not counted.
        if (repeat > 0) runs[name].push(run);
      }
      say(`round ${repeat} of ${repeats}`);
    }
    return runs;
  } finally {
    for (const way of processes.values()) await way.close();
  }
}

async function runOnce(
  { pool, redis }: OpenDemoStores,
  name: MeasuredName,
  members: readonly WayProcess[],
  rows: number,
): Promise<Run> {
  for (const member of members) await member.prepare();
  const before = await readServerCpu(pool, redis);
  const done = await Promise.all(members.map((member) => member.run()));
  const after = await readServerCpu(pool, redis);
  for (const { judged } of done) {
    if (judged !== rows) throw new Error(`${name} judged ${judged} of ${rows} rows`);
  }
  const seconds = Math.max(...done.map((run) => run.seconds));
  return {
    seconds,
    rowsPerSecond: rows / seconds,
    nodeCpu: done.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    postgresCpu:
      after.postgres === null || before.postgres === null ? null : after.postgres - before.postgres,
    redisCpu: after.redis - before.redis,
    peakMegabytes: Math.max(...done.map(({ peakMegabytes }) => peakMegabytes)),
  };
}
