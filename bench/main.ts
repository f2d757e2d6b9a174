/**
 * The bench: a full pass over claims in order, against what one would write first. Boots its own servers, runs the ways
 * in turn (so that a machine that slows down slows all of them), prints medians and their ratios. With `--json` one
 * object with every figure behind them; `--rows N` and `--repeats N` set the size.
 * Measures only: it asserts nothing but that every way judged every row.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { readEnvironment } from '../src/config.ts';
import { openDemoStores, type OpenDemoStores } from '../src/demo/demo-stores.ts';
import { fillGifts } from '../src/demo/fill-claims.ts';
import { makeClaims } from '../src/demo/synthetic-claims.ts';
import { bootServers } from '../src/embedded/boot-servers.ts';
import { openOurPass } from './our-pass.ts';
import { runBatched, runRowByRow } from './scripts.ts';

interface Way {
  readonly name: 'ours' | 'batched' | 'rowByRow';
  readonly rows: number;
  run(): Promise<number>;
}

/** Row by row is so slow that a part of the rows tells its rate. */
const rowByRowShare = 0.1;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    repeats: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const repeats = Number(values.repeats);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const servers = await bootServers({ env: readEnvironment(), say, fresh: true });
try {
  const stores = await openDemoStores(servers);
  try {
    say(`filling ${rows} claims …`);
    await fillGifts(stores, makeClaims(rows));
    await stores.pool.query('vacuum analyze gift_claim');
    report(await measure(stores));
  } finally {
    await stores.close();
  }
} finally {
  await servers.stop();
}

async function measure(stores: OpenDemoStores): Promise<Map<Way['name'], number[]>> {
  const ours = await openOurPass(stores);
  const part = Math.round(rows * rowByRowShare);
  const ways: Way[] = [
    { name: 'ours', rows, run: () => ours.run() },
    { name: 'batched', rows, run: () => runBatched(stores, rows) },
    { name: 'rowByRow', rows: part, run: () => runRowByRow(stores, part) },
  ];
  const rates = new Map<Way['name'], number[]>(ways.map(({ name }) => [name, []]));
  try {
    for (let repeat = 0; repeat <= repeats; repeat += 1) {
      for (const way of ways) {
        const startedAtMs = performance.now();
        const judged = await way.run();
        const seconds = (performance.now() - startedAtMs) / 1000;
        if (judged !== way.rows) throw new Error(`${way.name} judged ${judged} of ${way.rows} rows`);
        // The first round warms caches and is not counted.
        if (repeat > 0) rates.get(way.name)?.push(way.rows / seconds);
      }
      say(`round ${repeat} of ${repeats}`);
    }
    return rates;
  } finally {
    await ours.close();
  }
}

function report(rates: Map<Way['name'], number[]>): void {
  const median = (name: Way['name']): number => {
    const sorted = (rates.get(name) ?? []).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  const ratio = (name: Way['name']): number => Number((median('ours') / median(name)).toFixed(2));
  const ratios = { rowByRow: ratio('rowByRow'), batched: ratio('batched') };
  if (values.json) {
    const rowsPerSecond = Object.fromEntries(rates);
    const machine = { cpus: cpus().length, node: process.version };
    process.stdout.write(`${JSON.stringify({ rows, repeats, machine, ratios, rowsPerSecond })}\n`);
    return;
  }
  const line = (name: Way['name'], words: string, times: string): void =>
    say(`${words.padEnd(52)}${Math.round(median(name)).toString().padStart(9)} rows/s  ${times}`);
  line('ours', 'a pass', '');
  line(
    'batched',
    'pages of 1,000, pipelined GET and PTTL, no overlap',
    `ours is ${ratios.batched} times as fast`,
  );
  line('rowByRow', 'row by row: await get, await pttl', `ours is ${ratios.rowByRow} times as fast`);
}
