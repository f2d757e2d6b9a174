/**
 * `npm run bench -- scale`: how the time of a pass grows with the keys in Redis while the new claims stay as many, and with the
 * new claims while the keys stay as many. Beside it the time of SCAN alone, which every script that begins with the keys needs.
 * The keys that are added are markers of other things; their claims would be before the checkpoint, where nothing is read.
 * Each number of keys has a database of its own in the one server, so that all are measured in turn: a machine that slows down
 * slows all of them.
 */
import type { Redis } from 'ioredis';
import type { OpenDemoStores } from '../src/demo/demo-stores.ts';
import { connectStrict, endRedis, untilReady } from '../src/redis/connect.ts';
import { median } from './median.ts';
import { spawnWay, type WayProcess } from './spawn-way.ts';
import { withClaims, type BenchGround, type BenchOptions } from './with-claims.ts';

interface ScaleOptions extends BenchOptions {
  readonly keys: readonly number[];
  readonly fresh: readonly number[];
  readonly repeats: number;
}

/** Passes over some new claims, with so many keys in Redis. */
export interface SizedPasses {
  readonly keys: number;
  readonly fresh: number;
  /** Of each pass that counts. */
  readonly seconds: readonly number[];
  /** The most that the process held. */
  readonly peakMegabytes: number;
}

export interface ScaleBench {
  readonly repeats: number;
  readonly ratios: {
    /** The time of a pass with the most keys over the one with the fewest, the new claims being as many. */
    readonly keys: number;
    /** The time for each new claim, where there are most over where there are fewest. */
    readonly fresh: number;
  };
  readonly byKeys: readonly (SizedPasses & { readonly scanSeconds: number })[];
  readonly byFresh: readonly SizedPasses[];
}

export async function benchScale(options: ScaleOptions): Promise<ScaleBench> {
  const { repeats, say } = options;
  const freshSizes = options.fresh.toSorted((a, b) => a - b);
  const [least = 0, most = 0] = [freshSizes[0], freshSizes.at(-1)];
  return withClaims(options, most, async (ground) => {
    const fills: Filled[] = [];
    for (const [database, keys] of options.keys.toSorted((a, b) => a - b).entries()) {
      say(`adding keys up to ${keys} …`);
      fills.push(await fillDatabase(ground, database, keys, least));
    }
    say(`${least} new claims, each number of keys in turn …`);
    const passes = await runPasses(
      ground,
      fills.map(({ redisUrl, keys }) => ({ redisUrl, keys, fresh: least })),
      repeats,
    );
    const byKeys = passes.map((one, at) => ({ ...one, scanSeconds: fills[at]?.scanSeconds ?? Number.NaN }));
    say('more and more new claims …');
    const { redisUrl = '', keys = 0 } = fills[0] ?? {};
    const byFresh = await runPasses(
      ground,
      freshSizes.map((fresh) => ({ redisUrl, keys, fresh })),
      repeats,
    );
    await assertNothingWrong(ground.stores);
    const perClaim = ({ fresh, seconds }: SizedPasses): number => median(seconds) / fresh;
    const ratios = {
      keys: ratio(byKeys, ({ seconds }) => median(seconds)),
      fresh: ratio(byFresh, perClaim),
    };
    return { repeats, ratios, byKeys, byFresh };
  });
}

export function describeScale({ byKeys, byFresh, ratios, repeats }: ScaleBench): string[] {
  const row = (cells: readonly unknown[]): string => cells.map((cell) => String(cell).padStart(16)).join('');
  const cells = ({ keys, fresh, seconds }: SizedPasses): string[] => [
    keys.toLocaleString('en'),
    fresh.toLocaleString('en'),
    median(seconds).toFixed(3),
  ];
  return [
    `Medians of ${repeats} passes, in seconds`,
    row(['keys in Redis', 'new claims', 'pass s', 'SCAN alone s']),
    ...byKeys.map((one) => row([...cells(one), one.scanSeconds.toFixed(2)])),
    `With the most keys a pass takes ${ratios.keys} times as long as with the fewest.`,
    '',
    row(['keys in Redis', 'new claims', 'pass s', 'peak MB']),
    ...byFresh.map((one) => row([...cells(one), Math.round(one.peakMegabytes)])),
    `Each new claim takes ${ratios.fresh} times as long where there are most as where there are fewest.`,
  ];
}

interface Filled {
  readonly redisUrl: string;
  readonly keys: number;
  readonly scanSeconds: number;
}

/** The first database has the markers of all claims; the others get those of the newest. */
async function fillDatabase(
  { stores, granted }: BenchGround,
  database: number,
  keys: number,
  fresh: number,
): Promise<Filled> {
  const url = new URL(stores.redisUrl);
  url.pathname = `/${database}`;
  const redis = connectStrict(url.href, { onError: () => undefined });
  try {
    await untilReady(redis, 5_000);
    const copies = stores.redis.pipeline();
    if (database > 0) for (const { key } of granted.slice(-fresh)) copies.copy(key, key, 'DB', database);
    await copies.exec();
    await addMarkers(redis, stores.prefix, keys);
    return { redisUrl: url.href, keys: await redis.dbsize(), scanSeconds: await timeScan(redis) };
  } finally {
    await endRedis(redis, 1_000);
  }
}

/** What is to be measured, in turn: over so many new claims, with the markers in that database. */
async function runPasses(
  { address, compiled }: BenchGround,
  wanted: readonly { readonly redisUrl: string; readonly keys: number; readonly fresh: number }[],
  repeats: number,
): Promise<SizedPasses[]> {
  const passes = wanted.map(({ keys, fresh }) => ({
    keys,
    fresh,
    seconds: [] as number[],
    peakMegabytes: 0,
  }));
  const ways: WayProcess[] = [];
  try {
    for (const { redisUrl, fresh } of wanted) {
      const request = { way: 'ours', stores: { ...address, redisUrl }, rows: fresh } as const;
      ways.push(await spawnWay(compiled, request));
    }
    for (let repeat = 0; repeat <= repeats; repeat += 1) {
      for (const [at, way] of ways.entries()) {
        const pass = passes[at];
        await way.prepare();
        const { judged, seconds, peakMegabytes } = await way.run();
        if (pass?.fresh !== judged) throw new Error(`a pass judged ${judged} of ${pass?.fresh} new claims`);
        // The first round warms caches and is not counted.
        if (repeat > 0) pass.seconds.push(seconds);
        pass.peakMegabytes = peakMegabytes;
      }
    }
  } finally {
    for (const way of ways) await way.close();
  }
  return passes;
}

/** A marker that was forgotten would be repaired, and cost more. */
async function assertNothingWrong({ pool }: OpenDemoStores): Promise<void> {
  const { rowCount } = await pool.query('select from reconciler.discrepancy limit 1');
  if (rowCount !== 0) throw new Error('a pass found something wrong where nothing is');
}

const markersPerCall = 10_000;

/** Made by Redis itself, which takes a fraction of the time of sending them. They live as long as the server. */
async function addMarkers(redis: Redis, prefix: string, upTo: number): Promise<void> {
  const script = `for n = ARGV[1], ARGV[2] do redis.call('SET', ARGV[3] .. n, 'attempt-' .. n, 'PX', 15552000000 + n) end`;
  for (let size = await redis.dbsize(); size < upTo; size = await redis.dbsize()) {
    const last = size + Math.min(markersPerCall, upTo - size);
    await redis.eval(script, 0, size + 1, last, `${prefix}gift:8:0:`);
  }
}

/** Goes through all keys and looks at none. */
async function timeScan(redis: Redis): Promise<number> {
  const startedAtMs = performance.now();
  let cursor = '0';
  do [cursor] = await redis.scan(cursor, 'COUNT', 1_000);
  while (cursor !== '0');
  return (performance.now() - startedAtMs) / 1000;
}

function ratio<T>(sizes: readonly T[], figure: (size: T) => number): number {
  const [first, last] = [sizes[0], sizes.at(-1)];
  if (first === undefined || last === undefined) return Number.NaN;
  return Number((figure(last) / figure(first)).toFixed(3));
}
