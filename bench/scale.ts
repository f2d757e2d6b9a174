/**
 * `npm run bench -- scale`: how the time of a pass grows with the keys in Redis while the new claims stay as many, and with the
 * new claims while the keys stay as many. Beside it the time of SCAN alone, which every script that begins with the keys needs.
 * The keys that are added are markers of other things; their claims would be before the checkpoint, where nothing is read.
 */
import type { OpenDemoStores } from '../src/demo/demo-stores.ts';
import { median } from './median.ts';
import { spawnWay } from './spawn-way.ts';
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
  const sizes = options.keys.toSorted((a, b) => a - b);
  const freshSizes = options.fresh.toSorted((a, b) => a - b);
  const [least = 0] = freshSizes;
  return withClaims(options, freshSizes.at(-1) ?? 0, async (ground) => {
    const byKeys: (SizedPasses & { readonly scanSeconds: number })[] = [];
    const byFresh: SizedPasses[] = [];
    for (const [at, size] of sizes.entries()) {
      say(`adding keys up to ${size} …`);
      await addMarkers(ground.stores, size);
      const passes = await runPasses(ground, least, repeats);
      byKeys.push({ ...passes, scanSeconds: await timeScan(ground.stores) });
      if (at > 0) continue;
      for (const fresh of freshSizes) {
        say(`${fresh} new claims …`);
        byFresh.push(await runPasses(ground, fresh, repeats));
      }
    }
    const perClaim = ({ fresh, seconds }: SizedPasses): number => median(seconds) / fresh;
    return {
      repeats,
      ratios: {
        keys: ratio(byKeys, ({ seconds }) => median(seconds)),
        fresh: ratio(byFresh, perClaim),
      },
      byKeys,
      byFresh,
    };
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

async function runPasses(
  { stores, address, compiled }: BenchGround,
  fresh: number,
  repeats: number,
): Promise<SizedPasses> {
  const way = await spawnWay(compiled, { way: 'ours', stores: address, rows: fresh });
  const seconds: number[] = [];
  let peakMegabytes = 0;
  try {
    for (let repeat = 0; repeat <= repeats; repeat += 1) {
      await way.prepare();
      const run = await way.run();
      if (run.judged !== fresh) throw new Error(`a pass judged ${run.judged} of ${fresh} new claims`);
      // The first warms caches and is not counted.
      if (repeat > 0) seconds.push(run.seconds);
      peakMegabytes = run.peakMegabytes;
    }
  } finally {
    await way.close();
  }
  return { keys: await stores.redis.dbsize(), fresh, seconds, peakMegabytes };
}

const markersPerCall = 10_000;

/** Made by Redis itself, which takes a fraction of the time of sending them. They live as long as the server. */
async function addMarkers({ redis, prefix }: OpenDemoStores, upTo: number): Promise<void> {
  const script = `for n = ARGV[1], ARGV[2] do redis.call('SET', ARGV[3] .. n, 'attempt-' .. n, 'PX', 15552000000 + n) end`;
  for (let size = await redis.dbsize(); size < upTo; size = await redis.dbsize()) {
    const last = size + Math.min(markersPerCall, upTo - size);
    await redis.eval(script, 0, size + 1, last, `${prefix}gift:8:0:`);
  }
}

/** Goes through all keys and looks at none. */
async function timeScan({ redis }: OpenDemoStores): Promise<number> {
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
