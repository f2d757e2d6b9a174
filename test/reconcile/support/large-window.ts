/**
 * A large window in a world, small enough for a test: few claims make many chunks.
 */
import { run as runChunk } from '../../../jobs/judge-chunk.ts';
import type { JobDeps } from '../../../jobs/job.ts';
import { run as runPass } from '../../../jobs/pass.ts';
import type { ChunkReport } from '../../../src/reconcile/judge-chunk.ts';
import type { PassReport } from '../../../src/reconcile/pass-report.ts';
import type { OfferChunks } from '../../../src/reconcile/window-request.ts';
import { waitFor } from '../../support/wait-for.ts';
import { silentReporter, type PassChanges } from './job-deps.ts';
import type { Gift, World } from './world.ts';

export type Offer = Parameters<OfferChunks>[0][number];

/** Rows by which a window is large, and those of a chunk. */
export const limits = { chunks: { over: 4, rows: 3, offeredForMs: 60_000 }, rowsPerPage: 2 };
export const observe: PassChanges = { limits, rules: { mode: 'observe' } };
/** Of a pass that waits for nobody. */
export const atOnce: PassChanges = {
  ...observe,
  limits: { ...limits, chunks: { ...limits.chunks, offeredForMs: 0 } },
};

/** Claims of which every third has no marker. */
export async function addGifts(world: World, count: number): Promise<Gift[]> {
  const gifts: Gift[] = [];
  for (let at = 0; at < count; at += 1) {
    const gift = await world.addGift();
    if (at % 3 !== 0) await world.setMarker(gift);
    gifts.push(gift);
  }
  return gifts;
}

export async function judge(chunk: Offer, deps: JobDeps, log?: (line: string) => void): Promise<ChunkReport> {
  const signal = new AbortController().signal;
  const reporter = { ...silentReporter, ...(log === undefined ? {} : { log }) };
  return runChunk({ source: 'gifts', ...chunk }, deps, reporter, signal);
}

export interface SpreadChanges extends PassChanges {
  /** Of the pass itself. */
  readonly awaitTurn?: NonNullable<JobDeps['awaitTurn']>;
}

/** A pass that offers its chunks to `offer`. */
export async function spread(
  world: World,
  offer: OfferChunks,
  changes: SpreadChanges = observe,
): Promise<PassReport> {
  await world.settle();
  const payload = { source: 'gifts', by: 'test', force: false, waits: true };
  const signal = changes.signal ?? new AbortController().signal;
  const { awaitTurn } = changes;
  const deps = { ...world.deps(changes), ...(awaitTurn === undefined ? {} : { awaitTurn }) };
  return runPass(payload, deps, { ...silentReporter, offerChunks: offer }, signal);
}

export interface OfferedChunk {
  readonly chunk: Offer;
  /** Ends the pass. */
  readonly stop: () => Promise<void>;
}

/** A pass over seven claims that waits for a worker to take its only chunk, which holds three. */
export async function offerOneChunk(world: World): Promise<OfferedChunk> {
  await addGifts(world, 7);
  const stopping = new AbortController();
  const offered: Offer[] = [];
  const pass = spread(world, (chunks) => void offered.push(...chunks), {
    ...observe,
    signal: stopping.signal,
  });
  await waitFor(() => offered.length > 0, { what: 'a chunk' });
  const [chunk] = offered;
  if (chunk === undefined) throw new Error('no chunk');
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('told to'));
    await pass;
  };
  return { chunk, stop };
}

export interface ChunkRow {
  readonly number: number;
  readonly takenBy: string | null;
  readonly touchedAt: string;
  readonly checked: number | null;
}

export async function readChunks({ pool }: World): Promise<ChunkRow[]> {
  const { rows } = await pool.query<ChunkRow>(
    `select number, taken_by as "takenBy", touched_at::text as "touchedAt",
       (select sum(value::int)::int from jsonb_each_text(verdicts)) as checked
     from reconciler.chunk order by number`,
  );
  return rows;
}
