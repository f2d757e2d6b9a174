/**
 * `npm run bench`: a full pass over claims in order, against what one would write first. Boots its own servers, runs the
 * ways in turn (so that a machine that slows down slows all of them).
 * Measures only: it asserts nothing but that every way judged every row.
 */
import { openDemoStores, type OpenDemoStores } from '../src/demo/demo-stores.ts';
import { fillGifts } from '../src/demo/fill-claims.ts';
import { makeClaims } from '../src/demo/synthetic-claims.ts';
import { bootServers } from '../src/embedded/boot-servers.ts';
import { median } from './median.ts';
import { openOurPass } from './our-pass.ts';
import { runBatched, runRowByRow } from './scripts.ts';

export interface PassBench {
  readonly rows: number;
  readonly repeats: number;
  /** Ours over theirs, by medians of rows per second. */
  readonly ratios: { readonly rowByRow: number; readonly batched: number };
  readonly rowsPerSecond: Readonly<Record<Way['name'], readonly number[]>>;
}

interface Way {
  readonly name: 'ours' | 'batched' | 'rowByRow';
  readonly rows: number;
  run(): Promise<number>;
}

/** Row by row is so slow that a part of the rows tells its rate. */
const rowByRowShare = 0.1;

export async function benchPass(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly rows: number;
  readonly repeats: number;
  readonly say: (line: string) => void;
}): Promise<PassBench> {
  const { env, rows, repeats, say } = options;
  const servers = await bootServers({ env, say, fresh: true });
  try {
    const stores = await openDemoStores(servers);
    try {
      say(`filling ${rows} claims …`);
      await fillGifts(stores, makeClaims(rows));
      await stores.pool.query('vacuum analyze gift_claim');
      const rates = await measure(stores, rows, repeats, say);
      const ratio = (name: Way['name']): number =>
        Number((median(rates.ours) / median(rates[name])).toFixed(2));
      return {
        rows,
        repeats,
        ratios: { rowByRow: ratio('rowByRow'), batched: ratio('batched') },
        rowsPerSecond: rates,
      };
    } finally {
      await stores.close();
    }
  } finally {
    await servers.stop();
  }
}

async function measure(
  stores: OpenDemoStores,
  rows: number,
  repeats: number,
  say: (line: string) => void,
): Promise<Record<Way['name'], number[]>> {
  const ours = await openOurPass(stores);
  const part = Math.round(rows * rowByRowShare);
  const ways: Way[] = [
    { name: 'ours', rows, run: () => ours.run() },
    { name: 'batched', rows, run: () => runBatched(stores, rows) },
    { name: 'rowByRow', rows: part, run: () => runRowByRow(stores, part) },
  ];
  const rates: Record<Way['name'], number[]> = { ours: [], batched: [], rowByRow: [] };
  try {
    for (let repeat = 0; repeat <= repeats; repeat += 1) {
      for (const way of ways) {
        const startedAtMs = performance.now();
        const judged = await way.run();
        const seconds = (performance.now() - startedAtMs) / 1000;
        if (judged !== way.rows) throw new Error(`${way.name} judged ${judged} of ${way.rows} rows`);
        // The first round warms caches and is not counted.
        if (repeat > 0) rates[way.name].push(way.rows / seconds);
      }
      say(`round ${repeat} of ${repeats}`);
    }
    return rates;
  } finally {
    await ours.close();
  }
}
