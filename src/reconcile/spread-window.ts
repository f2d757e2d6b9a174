/**
 * What a large window still holds is cut into chunks, which any number of workers judge; the checkpoint follows those that
 * are judged without a gap. The pass itself judges what nobody takes, so that it ends without any other worker, too.
 * Invariants kept: (1) the checkpoint never passes a chunk that is not judged; (2) the fencing token guards each advance.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import type { Position } from '../domain/claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { advanceCheckpoint } from '../postgres/checkpoint.ts';
import {
  addChunks,
  findBoundary,
  passChunks,
  readChunksAhead,
  type Chunk,
  type ChunkState,
} from '../postgres/chunk.ts';
import { inTransaction } from '../postgres/connect.ts';
import { digestJudging } from './digest-judging.ts';
import { idleAfterMs, judgeChunk } from './judge-chunk.ts';
import type { ChunkLimits, SourceContext } from './source-context.ts';
import { addCounts, type Tally } from './tally.ts';
import type { Term } from './hold-term.ts';
import type { OfferChunks, WindowEnd, WindowRequest } from './window-request.ts';

export interface LargeWindow extends WindowRequest {
  readonly offerChunks: OfferChunks;
}

/** Chunks ahead of the checkpoint, at most: enough for many workers, few enough to be looked at often. */
const aheadMax = 64;
/** Cut at a time, so that the first are offered at once. */
const cutAtATime = 4;
/** How often it is looked at what others have done. */
const lookEveryMs = 50;

export async function spreadWindow(
  context: SourceContext,
  term: Term,
  window: LargeWindow,
  tally: Tally,
  signal: AbortSignal,
): Promise<WindowEnd> {
  const { pool, limits } = context;
  const { passId, from, horizon, offerChunks } = window;
  let last: Chunk = { passId, number: 0, from, to: from, horizon, judging: digestJudging(context.source) };
  let isCut = false;
  let passed = 0;
  // What the pass has judged itself counts for the brake of whoever judges the rest.
  await addChunks(pool, [{ ...last, verdicts: tally.verdicts }]);
  while (!signal.aborted) {
    const ahead = await lookAhead(pool, { passed, last });
    passed = (await follow(context, term, window, tally, ahead)) ?? passed;
    if (ahead.some(({ isBraked }) => isBraked)) return 'braked';
    if (isCut && passed === last.number) return 'completed';
    const neglected = ahead.find((chunk) => isNeglected(chunk, limits.chunks));
    if (!isCut && ahead.length < aheadMax) {
      const cut = await cutNext(context, last);
      last = cut.at(-1) ?? last;
      isCut = last.to.id === null;
      offerChunks(cut);
    } else if (neglected === undefined || !(await judgeHere(context, neglected, window, signal))) {
      await wait(lookEveryMs, undefined, { signal }).catch(() => undefined);
    }
  }
  // While the pass judged one chunk itself, others may have judged those before it.
  await follow(context, term, window, tally, await lookAhead(pool, { passed, last }));
  return 'stopped';
}

/** All chunks that were cut and not passed; throws `fenced_out` when one is gone: the pass would wait for it for ever, or pass it. */
async function lookAhead(
  pool: pg.Pool,
  { passed, last }: { readonly passed: number; readonly last: Chunk },
): Promise<ChunkState[]> {
  const ahead = await readChunksAhead(pool, last.passId);
  const isWhole =
    passed + ahead.length === last.number && ahead.every(({ number }, at) => number === passed + 1 + at);
  if (isWhole) return ahead;
  throw new OperatingError(
    'fenced_out',
    `Chunks of pass ${last.passId} are gone: another pass has begun, or somebody has deleted them. What was judged up to the ` +
      'checkpoint is kept, and the next pass goes on from there.',
  );
}

/** Moves the checkpoint over all that is judged without a gap. Returns the number of the chunk up to which it has; null: of none. */
async function follow(
  { pool, sql }: SourceContext,
  term: Term,
  { passId, onKept }: LargeWindow,
  tally: Tally,
  ahead: readonly ChunkState[],
): Promise<number | null> {
  const gap = ahead.findIndex(({ verdicts }) => verdicts === null);
  const judged = gap === -1 ? ahead : ahead.slice(0, gap);
  const [first, last] = [judged[0], judged.at(-1)];
  if (first === undefined || last === undefined) return null;
  const move = { from: first.from, to: last.to, fencingToken: term.fencingToken };
  term.guard();
  await inTransaction(pool, async (client) => {
    await advanceCheckpoint(client, sql, move);
    await passChunks(client, passId, last.number);
  });
  for (const { verdicts } of judged) addCounts(tally, verdicts ?? {});
  onKept(last.to);
  return last.number;
}

/** Whether the pass had the chunk to judge; false when somebody has taken or judged it first, or another term has begun. */
async function judgeHere(
  context: SourceContext,
  chunk: ChunkState,
  { onPause }: LargeWindow,
  signal: AbortSignal,
): Promise<boolean> {
  const { outcome } = await judgeChunk(context, chunk, signal, onPause);
  return outcome !== 'passed_by' && outcome !== 'taken_over';
}

function isNeglected({ verdicts, isTaken, idleMs }: ChunkState, { offeredForMs }: ChunkLimits): boolean {
  return verdicts === null && idleMs > (isTaken ? idleAfterMs : offeredForMs);
}

/** Cuts the next few pieces after `last`. The one that ends without an id is the last: it ends with the window. */
async function cutNext({ pool, sql, limits }: SourceContext, last: Chunk): Promise<Chunk[]> {
  const { horizon } = last;
  const cut: Chunk[] = [];
  let { number, to: from } = last;
  for (let to: Position = from; cut.length < cutAtATime; from = to) {
    const boundary = await findBoundary(pool, sql, { from, horizon, rows: limits.chunks.rows });
    to = boundary ?? { changeXid: horizon, id: null };
    number += 1;
    cut.push({ ...last, number, from, to });
    if (boundary === null) break;
  }
  await addChunks(pool, cut);
  return cut;
}
