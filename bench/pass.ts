/**
 * `npm run bench`: a full pass over claims in order, against what one would write first, and against the floor. Boots its own
 * servers, gives each way a process of its own, runs them in turn (so that a machine that slows down slows all of them).
 * Measures only: it asserts nothing but that every way judged every row.
 */
import type { OpenDemoStores } from '../src/demo/demo-stores.ts';
import { median } from './median.ts';
import { measurePoliteness, type Politeness } from './politeness.ts';
import { readServerCpu } from './server-cpu.ts';
import { spawnWay, type WayProcess } from './spawn-way.ts';
import { wayNames, type StoresAddress, type WayName } from './way.ts';
import { withClaims, type BenchGround, type BenchOptions } from './with-claims.ts';

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
  /** What other clients of the marker Redis feel meanwhile. */
  readonly politeness: Politeness;
  /** Each run that counts, in order. */
  readonly runs: Readonly<Record<MeasuredName, readonly Run[]>>;
}

interface PassOptions extends BenchOptions {
  readonly rows: number;
  readonly repeats: number;
}

const rowByRowShare = 0.1;

export async function benchPass(options: PassOptions): Promise<PassBench> {
  return withClaims(options, options.rows, (ground) => measure(ground, options));
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

async function measure(ground: BenchGround, { rows, repeats, say }: PassOptions): Promise<PassBench> {
  const { stores, address, compiled, granted } = ground;
  const ways = await openWays(address, compiled, rows);
  try {
    const runs = await measureSpeed(stores, ways, { rows, repeats, say });
    say('what other clients feel …');
    const key = granted[0]?.key ?? '';
    const { redisUrl } = stores;
    const politeness = await measurePoliteness({ compiled, redisUrl, key, ways, repeats });
    return {
      rows,
      rowByRowRows: rowsOf('rowByRow', rows),
      repeats,
      ratios: ratiosOf(runs),
      politeness,
      runs,
    };
  } finally {
    for (const way of Object.values(ways)) await way.close();
  }
}

type Ways = Readonly<Record<WayName, WayProcess>>;

async function openWays(stores: StoresAddress, compiled: string, rows: number): Promise<Ways> {
  const open = async (way: WayName): Promise<WayProcess> =>
    spawnWay(compiled, { way, stores, rows: rowsOf(way, rows) });
  return {
    ours: await open('ours'),
    batched: await open('batched'),
    rowByRow: await open('rowByRow'),
    scan: await open('scan'),
    floorPostgres: await open('floorPostgres'),
    floorRedis: await open('floorRedis'),
  };
}

async function measureSpeed(
  stores: OpenDemoStores,
  ways: Ways,
  { rows, repeats, say }: Pick<PassOptions, 'rows' | 'repeats' | 'say'>,
): Promise<PassBench['runs']> {
  const runs: Record<MeasuredName, Run[]> = {
    ours: [],
    floor: [],
    floorPostgres: [],
    floorRedis: [],
    batched: [],
    rowByRow: [],
    scan: [],
  };
  for (let repeat = 0; repeat <= repeats; repeat += 1) {
    for (const name of measuredNames) {
      const members = parts[name].map((way) => ways[way]);
      const run = await runOnce(stores, name, members, rowsOf(name, rows));
      // The first round warms caches and is not counted.
      if (repeat > 0) runs[name].push(run);
    }
    say(`round ${repeat} of ${repeats}`);
  }
  return runs;
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
