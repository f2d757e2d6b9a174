/**
 * The first half of a pass: judges the window page by page, and advances the checkpoint in the transaction that records
 * what was found. What a large window holds beyond that is left to many workers: see `spread-window.ts`.
 * Invariants kept: (1) only judged rows are passed; (2) the fencing token guards each advance.
 */
import type { Position } from '../domain/claim.ts';
import { advanceByColumn, advanceCheckpoint } from '../postgres/checkpoint.ts';
import { inTransaction } from '../postgres/connect.ts';
import { makeDueAgain } from '../postgres/due-again.ts';
import { recordDiscrepancies } from '../postgres/discrepancy.ts';
import { judgePages, type JudgedPage } from './judge-pages.ts';
import type { SourceContext } from './source-context.ts';
import { spreadWindow } from './spread-window.ts';
import { countBatch, type Tally } from './tally.ts';
import type { Term } from './hold-term.ts';
import type { WindowEnd, WindowRequest } from './window-request.ts';

export async function judgeWindow(
  context: SourceContext,
  term: Term,
  request: WindowRequest,
  tally: Tally,
  signal: AbortSignal,
): Promise<WindowEnd> {
  const { offerChunks, force } = request;
  const mayCut = !force && context.sql.position === null;
  const judgedBefore = tally.checked;
  for await (const page of judgePages(context, request, tally, signal)) {
    if (typeof page === 'string') return page;
    term.guard();
    const position = await keep(context, term, request, page);
    countBatch(tally, page.rows, page.found);
    request.onKept(position);
    const isLarge = tally.checked - judgedBefore >= context.limits.chunks.over;
    if (isLarge && offerChunks !== undefined && mayCut) {
      return spreadWindow(context, term, { ...request, from: page.to, offerChunks }, tally, signal);
    }
  }
  if (tally.checked > judgedBefore) await complete(context, term, request);
  return 'completed';
}

/** What was found and the advance over it, in one transaction. Returns where the checkpoint stands. */
async function keep(
  context: SourceContext,
  term: Term,
  { passId }: WindowRequest,
  { range, to, found, looksAgain }: JudgedPage,
): Promise<Position> {
  const { pool, source, sql } = context;
  const { fencingToken } = term;
  const { latenciesMs, position } = await inTransaction(pool, async (client) => {
    const recorded = await recordDiscrepancies(client, source.name, passId, found);
    if (looksAgain) await makeDueAgain(client, sql, { range, to });
    if (range.by === 'column') {
      const move = { reached: to.value, bound: range.bound, fencingToken };
      return { latenciesMs: recorded, position: await advanceByColumn(client, sql, move) };
    }
    await advanceCheckpoint(client, sql, { from: range.after, to, fencingToken });
    return { latenciesMs: recorded, position: to };
  });
  context.onDetected(latenciesMs);
  return position;
}

/** All of a window is judged: what a source that is read by a column of its own looks for next lies above the horizon. */
async function complete({ pool, sql }: SourceContext, term: Term, request: WindowRequest): Promise<void> {
  if (sql.position === null) return;
  const { bound, horizon } = request;
  term.guard();
  const end = { reached: bound ?? undefined, bound, horizon, fencingToken: term.fencingToken };
  request.onKept(await advanceByColumn(pool, sql, end));
}
