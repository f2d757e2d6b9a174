/**
 * `npm run bench -- workers`: one large pass by one, two and three daemons as processes, and by one that shares nothing. All of
 * them must find the same.
 * Measures only: the time of the pass by its own report. Stores and workers share the cores of one machine, so that what more
 * workers bring is bounded by what the stores leave.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { OpenDemoStores } from '../src/demo/demo-stores.ts';
import { defaultNamespace } from '../src/domain/open-claim.ts';
import { openPassQueue } from '../src/schedule/pass-queue.ts';
import { startDaemon, stopDaemon } from './bench-daemon.ts';
import { median } from './median.ts';
import { withClaims, type BenchGround, type BenchOptions } from './with-claims.ts';

interface WorkersOptions extends BenchOptions {
  readonly rows: number;
  readonly repeats: number;
}

export interface WorkersRun {
  readonly daemons: number;
  readonly shares: boolean;
  readonly seconds: readonly number[];
}

export interface WorkersBench {
  readonly rows: number;
  readonly repeats: number;
  /** The time of one daemon that shares nothing, over that of this many that share. */
  readonly ratios: Readonly<Record<string, number>>;
  /** Discrepancies that each of them found: the same ones. */
  readonly found: number;
  readonly runs: readonly WorkersRun[];
}

const ways = [
  { daemons: 1, shares: false },
  { daemons: 1, shares: true },
  { daemons: 2, shares: true },
  { daemons: 3, shares: true },
] as const;

/** As the bench of a pass, one marker in so many is wrong. */
const wrongOneIn = 1_000;
const passWithinMs = 600_000;

export async function benchWorkers(options: WorkersOptions): Promise<WorkersBench> {
  const { rows, repeats, say } = options;
  return withClaims(options, rows, async (ground) => {
    const wrong = ground.granted.filter((_, at) => at % wrongOneIn === 0).map(({ key }) => key);
    for (let at = 0; at < wrong.length; at += 1_000)
      await ground.stores.redis.del(...wrong.slice(at, at + 1_000));
    const runs = ways.map((way) => ({ ...way, seconds: [] as number[] }));
    let found: string | null = null;
    for (let repeat = 0; repeat <= repeats; repeat += 1) {
      for (const run of runs) {
        const pass = await runPass(ground, rows, run);
        found ??= pass.found;
        if (pass.found !== found) throw new Error(`${run.daemons} daemons did not find what one finds`);
        // The first round warms caches and is not counted.
        if (repeat > 0) run.seconds.push(pass.seconds);
      }
      say(`round ${repeat} of ${repeats}`);
    }
    const [alone, ...shared] = runs;
    const base = median(alone?.seconds ?? []);
    const ratios = shared.map(({ daemons, seconds }) => [daemons, round(base / median(seconds))] as const);
    return { rows, repeats, ratios: Object.fromEntries(ratios), found: wrong.length, runs };
  });
}

export function describeWorkers({ rows, repeats, ratios, found, runs }: WorkersBench): string[] {
  const line = ({ daemons, shares, seconds }: WorkersRun): string => {
    const words = shares
      ? `${daemons} that share${daemons === 1 ? 's with nobody' : ''}`
      : '1 that shares nothing';
    const ratio = shares ? `${ratios[daemons] ?? '?'} times as fast` : '';
    return `${words.padEnd(28)}${median(seconds).toFixed(2).padStart(8)} s  ${ratio}`;
  };
  return [
    `One pass over ${rows.toLocaleString('en')} claims, medians of ${repeats}; each found the same ${found} discrepancies`,
    ...runs.map(line),
  ];
}

interface OnePass {
  readonly seconds: number;
  /** What was found, as one text. */
  readonly found: string;
}

/** Starts the daemons, lets them come to rest, and has everything judged anew. */
async function runPass(
  { stores, compiled }: BenchGround,
  rows: number,
  { daemons, shares }: Pick<WorkersRun, 'daemons' | 'shares'>,
): Promise<OnePass> {
  const settings = {
    schedule: '0 0 1 1 *',
    reading: shares ? '{ chunks: { over: 50000, rows: 50000 } }' : '{ chunks: { over: 1000000000000 } }',
  };
  const started = await Promise.all(
    Array.from({ length: daemons }, async () => startDaemon(stores, compiled, settings)),
  );
  const queue = openPassQueue({
    url: stores.redisUrl,
    prefix: `${defaultNamespace}:queue`,
    onEvent: () => undefined,
  });
  try {
    // Who schedules first catches up at once.
    let pass = await endOfPass(stores, '0');
    await stores.pool.query('truncate reconciler.discrepancy cascade');
    await stores.pool.query(`update reconciler.checkpoint set change_xid = '0', id = null`);
    do {
      await queue.enqueueByHand('gifts', 'bench');
      pass = await endOfPass(stores, pass.id);
      // Until a sample of the horizon is as old as the grace period there is nothing to read.
    } while (pass.checked === 0);
    if (pass.checked !== rows) throw new Error(`a pass judged ${pass.checked} of ${rows} claims`);
    return { seconds: pass.durationMs / 1_000, found: await findings(stores) };
  } finally {
    await queue.close(1_000);
    await Promise.all(started.map(async ({ process }) => stopDaemon(process)));
    await stores.pool.query('truncate reconciler.pass, reconciler.slot cascade');
  }
}

interface EndedPass {
  readonly id: string;
  readonly durationMs: number;
  readonly checked: number;
}

/** The first pass after `afterId`, when it has ended. */
async function endOfPass({ pool }: OpenDemoStores, afterId: string): Promise<EndedPass> {
  const untilMs = performance.now() + passWithinMs;
  while (performance.now() < untilMs) {
    const { rows } = await pool.query<EndedPass>(
      `select id::text, (report ->> 'durationMs')::float8 as "durationMs", (report ->> 'checked')::int as checked
       from reconciler.pass where id > $1 and report is not null order by pass.id limit 1`,
      [afterId],
    );
    if (rows[0] !== undefined) return rows[0];
    await pause(50);
  }
  throw new Error('the pass did not end');
}

async function findings({ pool }: OpenDemoStores): Promise<string> {
  const { rows } = await pool.query<{ found: string | null }>(
    `select string_agg(claim_id || verdict || state || marker_key, ',' order by claim_id) as found
     from reconciler.discrepancy`,
  );
  return rows[0]?.found ?? '';
}

function round(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}
