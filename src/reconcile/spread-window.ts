/**
 * What a large window still holds is cut into chunks, which any number of workers judge; the checkpoint follows those that
 * are judged without a gap. The pass itself judges what nobody takes, so that it ends without any other worker, too.
 * Invariants kept: (1) the checkpoint never passes a chunk that is not judged; (2) the fencing token guards each advance.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Position } from '../domain/claim.ts';
import { advanceCheckpoint } from '../postgres/checkpoint.ts';
import {
  addChunks,
  dropChunks,
  findBoundary,
  readChunks,
  type Chunk,
  type ChunkState,
} from '../postgres/chunk.ts';
import { inTransaction } from '../postgres/connect.ts';
import { idleAfterMs, judgeChunk } from './judge-chunk.ts';
import type { ChunkLimits, SourceContext } from './source-context.ts';
import { addCounts, type Tally } from './tally.ts';
import type { Term } from './hold-term.ts';
import type { OfferChunks, WindowEnd, WindowRequest } from './window-request.ts';

export interface LargeWindow extends WindowRequest {
  readonly offerChunks: OfferChunks;
}

/** Chunks that are cut and not judged, at most: enough for many workers. */
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
  const { pool, source } = context;
  const { passId, from, horizon, offerChunks } = window;
  let last: Chunk = { passId, number: 0, from, to: from, horizon };
  let isCut = false;
  let passed = 0;
  await dropChunks(pool, source.name);
  // What the pass has judged itself counts for the brake of whoever judges the rest.
  await addChunks(pool, [{ ...last, verdicts: tally.verdicts }]);
  while (!signal.aborted) {
    const chunks = await readChunks(pool, passId);
    passed = await follow(context, term, window, tally, { chunks, passed });
    if (chunks.some(({ isBraked }) => isBraked)) return 'braked';
    const left = chunks.filter(({ verdicts }) => verdicts === null);
    if (isCut && left.length === 0) {
      await dropChunks(pool, source.name);
      return 'completed';
    }
    const neglected = left.find((chunk) => isNeglected(chunk, context.limits.chunks));
    if (!isCut && left.length < aheadMax) {
      const cut = await cutNext(context, last);
      last = cut.at(-1) ?? last;
      isCut = last.to.id === null;
      offerChunks(cut);
    } else if (neglected !== undefined) await judgeChunk(context, neglected, signal);
    else await wait(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
  return 'stopped';
}

/** Moves the checkpoint over all that is judged without a gap. Returns the number of the last chunk that it has passed. */
async function follow(
  { pool, sql }: SourceContext,
  term: Term,
  { onKept }: LargeWindow,
  tally: Tally,
  { chunks, passed }: { readonly chunks: readonly ChunkState[]; readonly passed: number },
): Promise<number> {
  const ahead = chunks.filter(({ number }) => number > passed);
  const gap = ahead.findIndex(({ verdicts }) => verdicts === null);
  const judged = gap === -1 ? ahead : ahead.slice(0, gap);
  const [first, last] = [judged[0], judged.at(-1)];
  if (first === undefined || last === undefined) return passed;
  const move = { from: first.from, to: last.to, fencingToken: term.fencingToken };
  term.guard();
  await inTransaction(pool, (client) => advanceCheckpoint(client, sql, move));
  for (const { verdicts } of judged) addCounts(tally, verdicts ?? {});
  onKept(last.to);
  return last.number;
}

function isNeglected({ isTaken, idleMs }: ChunkState, { offeredForMs }: ChunkLimits): boolean {
  return idleMs > (isTaken ? idleAfterMs : offeredForMs);
}

/** Cuts the next few pieces after `last`. The one that ends without an id is the last: it ends with the window. */
async function cutNext({ pool, sql, limits }: SourceContext, last: Chunk): Promise<Chunk[]> {
  const { passId, horizon } = last;
  const cut: Chunk[] = [];
  let { number, to: from } = last;
  for (let to: Position = from; cut.length < cutAtATime; from = to) {
    const boundary = await findBoundary(pool, sql, { from, horizon, rows: limits.chunks.rows });
    to = boundary ?? { changeXid: horizon, id: null };
    number += 1;
    cut.push({ passId, number, from, to, horizon });
    if (boundary === null) break;
  }
  await addChunks(pool, cut);
  return cut;
}
