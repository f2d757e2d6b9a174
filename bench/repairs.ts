/**
 * `npm run bench -- repairs`: claims all of whose markers are wrong, repaired by one pass, from reading them to looking at each
 * again after its change; and what a pass costs that finds nothing new.
 * Measures only: it asserts nothing but that every repair was made.
 */
import type { OpenDemoStores } from '../src/demo/demo-stores.ts';
import type { GrantedClaim } from '../src/demo/fill-claims.ts';
import { median } from './median.ts';
import { spawnWay } from './spawn-way.ts';
import type { WayRun } from './way.ts';
import { withClaims, type BenchOptions } from './with-claims.ts';

interface RepairsOptions extends BenchOptions {
  readonly rows: number;
  readonly repeats: number;
}

export interface RepairsBench {
  readonly repairs: number;
  readonly repeats: number;
  /** Repairs over the time of the whole pass, medians. */
  readonly repairsPerSecond: number;
  readonly emptyPass: {
    readonly seconds: number;
    readonly nodeCpuMs: number;
    /** Statements sent to Postgres, and commands to both Redis servers, in one pass. */
    readonly statements: number;
    readonly commands: number;
  };
  /** Of each round that counts. */
  readonly runs: { readonly repairs: readonly number[]; readonly emptyPass: readonly number[] };
}

/** What can be wrong with a granted claim's marker, in turn. */
const kinds = ['missing', 'immortal', 'wrong_expiry'] as const;
const markersPerBatch = 5_000;

export async function benchRepairs(options: RepairsOptions): Promise<RepairsBench> {
  const { rows, repeats, say } = options;
  return withClaims(options, rows, async ({ stores, address, compiled, granted }) => {
    const way = await spawnWay(compiled, { way: 'ours', stores: address, rows });
    const runs = { repairs: [] as number[], emptyPass: [] as number[] };
    const empties: WayRun[] = [];
    try {
      for (let repeat = 0; repeat <= repeats; repeat += 1) {
        await breakMarkers(stores, granted);
        await way.prepare();
        const { seconds } = await way.run();
        await assertRepaired(stores, granted);
        const empty = await way.run();
        if (empty.judged !== 0) throw new Error(`a pass judged ${empty.judged} claims where none is new`);
        say(`round ${repeat} of ${repeats}`);
        // The first round warms caches and is not counted.
        if (repeat === 0) continue;
        runs.repairs.push(seconds);
        runs.emptyPass.push(empty.seconds);
        empties.push(empty);
      }
      return {
        repairs: granted.length,
        repeats,
        repairsPerSecond: granted.length / median(runs.repairs),
        emptyPass: {
          seconds: median(runs.emptyPass),
          nodeCpuMs: median(empties.map(({ cpuSeconds }) => cpuSeconds * 1_000)),
          statements: median(empties.map(({ statements }) => statements)),
          commands: median(empties.map(({ commands }) => commands)),
        },
        runs,
      };
    } finally {
      await way.close();
    }
  });
}

export function describeRepairs({ repairs, repeats, repairsPerSecond, emptyPass }: RepairsBench): string[] {
  const { seconds, nodeCpuMs, statements, commands } = emptyPass;
  return [
    `${repairs} repairs, medians of ${repeats}: ${Math.round(repairsPerSecond)} a second, from reading to the look after it`,
    `a pass without anything new: ${(seconds * 1_000).toFixed(0)} ms, ${nodeCpuMs.toFixed(0)} ms of CPU, ` +
      `${statements} statements to Postgres, ${commands} commands to Redis`,
  ];
}

async function breakMarkers({ redis }: OpenDemoStores, granted: readonly GrantedClaim[]): Promise<void> {
  for (let at = 0; at < granted.length; at += markersPerBatch) {
    const batch = redis.pipeline();
    for (const [n, { key }] of granted.slice(at, at + markersPerBatch).entries()) {
      const kind = kinds[n % kinds.length];
      if (kind === 'missing') batch.del(key);
      else if (kind === 'immortal') batch.persist(key);
      else batch.pexpire(key, 3_600_000);
    }
    await batch.exec();
  }
}

async function assertRepaired({ pool }: OpenDemoStores, granted: readonly GrantedClaim[]): Promise<void> {
  const { rows } = await pool.query<{ applied: number }>(
    `select count(*)::int as applied from reconciler.repair where outcome = 'applied'
       and pass_id = (select max(id) from reconciler.pass)`,
  );
  if (rows[0]?.applied !== granted.length) {
    throw new Error(`${rows[0]?.applied} of ${granted.length} repairs were made`);
  }
}
