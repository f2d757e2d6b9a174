/**
 * Judges one chunk of a large window, for the pass that cut it: any worker may, on any machine.
 * Invariants kept: (1) a chunk counts as judged only when all its claims are; (2) nothing of it is recorded once another term
 * has begun; (5) markers of another Redis than the one that the pass began with are not believed; nobody judges by other rules
 * than those of the pass.
 * Running it twice, or on two machines at once, is harmless. Repairs nothing.
 */
import { storeChange } from '../domain/marker-store.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { readCheckpoint } from '../postgres/checkpoint.ts';
import {
  leaveChunk,
  readCounts,
  takeChunk,
  touchChunk,
  type Chunk,
  type ChunkNote,
  type TakenChunk,
} from '../postgres/chunk.ts';
import { inTransaction } from '../postgres/connect.ts';
import { makeDueAgain } from '../postgres/due-again.ts';
import { recordDiscrepancies } from '../postgres/discrepancy.ts';
import { readMarkerStore } from '../redis/marker-store.ts';
import { digestJudging } from './digest-judging.ts';
import { holdChunk } from './hold-chunk.ts';
import { judgePages, type JudgedPage } from './judge-pages.ts';
import type { SourceContext } from './source-context.ts';
import { addCounts, countBatch, startTally } from './tally.ts';

export interface ChunkReport {
  /**
   * passed_by: it was judged already, somebody is at it, or its pass has ended. taken_over: somebody took it from this worker,
   * which was slow.
   */
  readonly outcome: 'judged' | 'stopped' | 'braked' | 'passed_by' | 'taken_over';
  /** Claims judged here; of a chunk that was left, what others judge again. */
  readonly checked: number;
  /** Of them, those that were found bad. */
  readonly found: number;
}

/** Whoever has taken a chunk and said nothing of it for so long is taken for dead. */
export const idleAfterMs = 10_000;

/**
 * @param onPause told, in words, when it waits because the marker Redis is slow
 * Throws what the stores threw, and `not_ready` for another configuration or marker Redis; the chunk is then left to others.
 */
export async function judgeChunk(
  context: SourceContext,
  id: Pick<Chunk, 'passId' | 'number'>,
  signal: AbortSignal,
  onPause?: (why: string) => void,
): Promise<ChunkReport> {
  const { pool, source } = context;
  const chunk = await takeChunk(pool, source.name, id, idleAfterMs);
  if (chunk === null) return { outcome: 'passed_by', checked: 0, found: 0 };
  const { lost, release } = holdChunk(context, chunk);
  try {
    assertSameJudging(context, chunk);
    await assertSameMarkers(context);
    const report = await judge(context, chunk, AbortSignal.any([signal, lost]), onPause);
    if (report.outcome !== 'stopped') return report;
    await leaveChunk(pool, chunk);
    return lost.aborted ? takenOver : report;
  } catch (error) {
    if (lost.aborted || (error instanceof OperatingError && error.code === 'fenced_out')) return takenOver;
    // If this fails too, others take it when nothing was heard of it for long enough.
    await Promise.allSettled([leaveChunk(pool, chunk)]);
    if (signal.aborted) return { outcome: 'stopped', checked: 0, found: 0 };
    throw error;
  } finally {
    release();
  }
}

const takenOver: ChunkReport = { outcome: 'taken_over', checked: 0, found: 0 };

async function judge(
  context: SourceContext,
  chunk: TakenChunk,
  signal: AbortSignal,
  onPause: ((why: string) => void) | undefined,
): Promise<ChunkReport> {
  const { pool } = context;
  const { from, to: upTo, horizon, askedBy: by } = chunk;
  const stretch = { from, upTo, horizon, by, bound: null, force: false, onPause };
  const own = startTally();
  let found = 0;
  // The brake goes by all that the pass has judged, whoever did.
  const all = startTally();
  addCounts(all, await readCounts(pool, chunk.passId));
  for await (const page of judgePages(context, stretch, all, signal)) {
    if (page === 'stopped') return { outcome: 'stopped', checked: own.checked, found };
    if (page === 'braked') {
      await note(context, chunk, { isBraked: true });
      return { outcome: 'braked', checked: own.checked, found };
    }
    await keep(context, chunk, page);
    for (const tally of [all, own]) countBatch(tally, page.rows, page.found);
    found += page.found.length;
  }
  await note(context, chunk, { verdicts: own.verdicts });
  return { outcome: 'judged', checked: own.checked, found };
}

async function note({ pool, source }: SourceContext, chunk: TakenChunk, what: ChunkNote): Promise<void> {
  await inTransaction(pool, (client) => touchChunk(client, source.name, chunk, what));
}

/** What a page holds, and that its chunk is still judged here, in one transaction. */
async function keep(
  context: SourceContext,
  chunk: TakenChunk,
  { range, to, found, looksAgain }: JudgedPage,
): Promise<void> {
  const { pool, sql, source } = context;
  const latenciesMs = await inTransaction(pool, async (client) => {
    await touchChunk(client, source.name, chunk, {});
    const recorded = await recordDiscrepancies(client, source.name, chunk.passId, found);
    if (looksAgain) await makeDueAgain(client, sql, { range, to });
    return recorded;
  });
  context.onDetected(latenciesMs);
}

/** In the middle of a deployment, say: claims would be judged by rules that the pass does not know. */
function assertSameJudging({ source }: SourceContext, { judging }: TakenChunk): void {
  if (judging === digestJudging(source)) return;
  throw new OperatingError(
    'not_ready',
    `The source ${source.name} is configured otherwise in this process than in the one whose pass this is, or their ` +
      'versions differ: let all replicas run the same. Nothing of the chunk was judged here.',
  );
}

async function assertSameMarkers({ pool, sql, source, markers, limits }: SourceContext): Promise<void> {
  const [{ checkpoint }, store] = await Promise.all([
    readCheckpoint(pool, sql),
    readMarkerStore(markers, limits.callTimeoutMs),
  ]);
  if (checkpoint !== null && storeChange(checkpoint.markerStore, store) !== 'lost') return;
  throw new OperatingError(
    'not_ready',
    `The marker Redis of this process is not the one that the pass over ${source.name} began with: it restarted, failed over ` +
      'or was flushed, or this process is configured with another. Nothing of the chunk was judged here.',
  );
}
