/**
 * The repair path under changes by others (invariants 3, 4, 7, 10): between any two steps of a pass, or of an undo, the application,
 * Redis or another worker changes what it looks at. Judged by the recorded history of both stores, and by what the passes
 * after it bring about.
 * Both servers are this file's own: one is flushed, the other notes when what was committed.
 */
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run as runPassJob } from '../../jobs/pass.ts';
import { run as runUndoJob } from '../../jobs/undo.ts';
import { OperatingError } from '../../src/domain/operating-error.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { PassReport } from '../../src/reconcile/pass-report.ts';
import { endRedis } from '../../src/redis/connect.ts';
import { silentReporter } from '../reconcile/support/job-deps.ts';
import { createWorld, type World } from '../reconcile/support/world.ts';
import { rowsOf } from '../support/history/events.ts';
import { changesWithoutJournal, undoneOtherwise, untrueOutcomes } from '../support/history/judge-journal.ts';
import { foreignMarkersTouched, isRepair, markersWithoutExpiry } from '../support/history/judge-markers.ts';
import { keyChanges } from '../support/history/marker-changes.ts';
import { recordRedis, type RedisRecorder } from '../support/history/record-redis.ts';
import { recordedRows, recordedSettings, recordRows } from '../support/history/record-rows.ts';
import { chooseReplay } from '../support/seeded-random.ts';
import { strictTo } from '../support/strict-redis.ts';
import { ClaimBook, deeds, drifts, markersNotRight } from './support/claim-book.ts';
import { takeSteps } from './support/stepping.ts';

const replay = chooseReplay('repair model');
/** What was begun by others is waited for so long before it is completed. */
const limits = { callTimeoutMs: 500 };
const { signal } = new AbortController();

let postgres: RunningServer;
let redis: RunningServer;
let world: World;
let recorder: RedisRecorder;
let rivals: Redis;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([
    startPostgres({ env: process.env, settings: recordedSettings }),
    startRedis({ env: process.env }),
  ]);
  world = await createWorld({ redisUrl: redis.url, serverUrl: postgres.url });
  await recordRows(world.pool);
  recorder = await recordRedis(redis.url, 'markers');
  rivals = await strictTo(redis.url);
});

afterAll(async () => {
  recorder.stop();
  await endRedis(rivals, 1_000);
  await world.drop();
  await Promise.all([postgres.stop(), redis.stop()]);
});

/** What somebody else does, and when. */
interface Disturbance {
  readonly what: (typeof deeds)[number] | 'Redis is flushed' | 'another worker goes first';
  /** Before that step, to the nth gift; or just before so many markers are changed, to the one of them that is next. */
  readonly step: number | null;
  readonly nth: number;
}

const stepsMax = 45;
const what = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...deeds) },
  { weight: 1, arbitrary: fc.constant('Redis is flushed' as const) },
  { weight: 2, arbitrary: fc.constant('another worker goes first' as const) },
);
const step = fc.option(fc.integer({ min: 1, max: stepsMax }), { nil: null, freq: 2 });
const disturbances = fc.array(fc.record<Disturbance>({ what, step, nth: fc.nat(7) }), { maxLength: 6 });
const histories = fc.record({
  claims: fc.array(fc.constantFrom(...drifts), { minLength: 1, maxLength: 8 }),
  whilePassing: disturbances,
  whileUndoing: fc.option(disturbances, { nil: null, freq: 2 }),
});

const seen = { repairs: 0, undone: 0, superseded: 0, disturbances: 0 };

async function carryOut(
  book: ClaimBook,
  { what: deed, nth }: Disturbance,
  key = book.keyOf(nth),
): Promise<void> {
  seen.disturbances += 1;
  if (deed === 'Redis is flushed') await world.redis.flushall();
  else if (deed === 'another worker goes first') await runRival();
  else await book.carryOut(deed, key);
}

/** The lease has gone, as in a failover; whoever held it does not know yet. */
async function runRival(): Promise<void> {
  await world.breakLease();
  await tolerated(runPass({ ...world.deps({ limits }), markers: rivals }));
}

async function runPass(deps: ReturnType<World['deps']>, fromBeginning = false): Promise<PassReport> {
  const from = fromBeginning ? { from: { kind: 'beginning' } as const } : {};
  return runPassJob(
    { source: 'gifts', by: 'test', force: false, waits: false, ...from },
    deps,
    silentReporter,
    signal,
  );
}

/** With others that step in between; what is left of them comes after it. */
async function disturbed(
  book: ClaimBook,
  others: readonly Disturbance[],
  work: (deps: ReturnType<World['deps']>) => Promise<unknown>,
): Promise<void> {
  const left = new Set(others);
  const { pool, end } = takeSteps(world, async ({ number, change }) => {
    for (const other of left) {
      const isNow = other.step === null ? change?.number === other.nth + 1 : other.step === number;
      if (!isNow) continue;
      left.delete(other);
      await (other.step === null ? carryOut(book, other, change?.key) : carryOut(book, other));
    }
  });
  await tolerated(work(world.deps({ pool, limits })));
  end();
  for (const other of left) await carryOut(book, other);
}

/** A pass may fail for what happens to it, but only in so many words. */
async function tolerated(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof OperatingError)) throw error;
  });
}

async function passOfRepairs(): Promise<string | null> {
  const repairs = await world.repairs();
  return repairs.findLast(({ outcome }) => outcome === 'applied')?.passId ?? null;
}

/** Faults are over: reading all of it brings all right, and reading it once more finds nothing to do. */
async function converge(): Promise<void> {
  // What was put off comes with the second; whose marker was a stranger's first gets its grace period.
  for (let passes = 0; passes < 3; passes += 1) {
    await world.breakLease();
    await world.settle();
    await world.letHoursPass();
    expect(await runPass(world.deps({ limits }), true)).toMatchObject({ outcome: 'completed' });
  }
  const records = async (): Promise<unknown> => [await world.discrepancies(), await world.repairs()];
  const before = await records();
  await world.settle();
  expect(await runPass(world.deps({ limits }), true)).toMatchObject({ outcome: 'completed' });
  expect(await records()).toEqual(before);
  const open = (await world.discrepancies()).filter(({ state }) => state === 'open');
  expect(open.filter(({ held, verdict }) => !held && verdict !== 'in_doubt')).toEqual([]);
}

async function heldKeys(): Promise<Set<string>> {
  const { rows } = await world.pool.query<{ key: string }>(
    `select marker_key as key from reconciler.discrepancy where state = 'open' and held`,
  );
  return new Set(rows.map(({ key }) => key));
}

async function judgeHistory(): Promise<string[]> {
  await recorder.catchUp();
  const changes = [...keyChanges(recorder.events, 'markers', 'gift:')];
  const journal = rowsOf(await recordedRows(world.pool), 'repair');
  seen.repairs += changes.filter(isRepair).length;
  seen.undone += journal.filter(({ row }) => row.undo_of !== null && row.outcome === 'applied').length;
  seen.superseded += journal.filter(({ row }) => row.outcome === 'superseded').length;
  return [
    ...foreignMarkersTouched(changes),
    ...markersWithoutExpiry(changes),
    ...changesWithoutJournal(changes, journal),
    ...untrueOutcomes(changes, journal),
    ...undoneOtherwise(changes, journal),
  ];
}

it('touches no marker that is another, journals what it does, and brings all right, whoever steps in between', async () => {
  await fc.assert(
    fc
      .asyncProperty(histories, async ({ claims, whilePassing, whileUndoing }) => {
        const book = new ClaimBook(world);
        for (const drift of claims) await book.add(drift);
        await world.settle();
        await disturbed(book, whilePassing, runPass);
        const passId = await passOfRepairs();
        if (whileUndoing !== null && passId !== null) {
          await world.breakLease();
          const payload = { which: { passId }, force: false, by: 'test' };
          await disturbed(book, whileUndoing, async (deps) =>
            runUndoJob(payload, deps, silentReporter, signal),
          );
        }
        await converge();
        expect(await judgeHistory()).toEqual([]);
        expect(await markersNotRight(world, await heldKeys())).toEqual([]);
      })
      .beforeEach(async () => {
        await recorder.catchUp();
        recorder.clear();
        await world.reset();
        await world.pool.query('truncate history.written');
      }),
    { numRuns: 40, interruptAfterTimeLimit: 120_000, ...replay.parameters },
  );
  console.log('repair model:', seen);
  if (replay.parameters.path !== undefined) return;
  // Enough happened for this to mean something.
  for (const times of Object.values(seen)) expect(times).toBeGreaterThan(5);
}, 240_000);
