/**
 * The first half of a pass: judges the window page by page, and advances the checkpoint in the transaction that records
 * what was found. What a large window holds beyond that is left to many workers: see `spread-window.ts`.
 * Invariants kept: (1) only judged rows are passed; (2) the fencing token guards each advance.
 */
import { advanceCheckpoint } from '../postgres/checkpoint.ts';
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
  const judgedBefore = tally.checked;
  for await (const page of judgePages(context, request, tally, signal)) {
    if (typeof page === 'string') return page;
    term.guard();
    await keep(context, term, request.passId, page);
    countBatch(tally, page.rows, page.found);
    request.onKept(page.to);
    const isLarge = tally.checked - judgedBefore >= context.limits.chunks.over;
    if (isLarge && offerChunks !== undefined && !force) {
      return spreadWindow(context, term, { ...request, from: page.to, offerChunks }, tally, signal);
    }
  }
  return 'completed';
}

/** What was found and the advance over it, in one transaction. */
async function keep(
  context: SourceContext,
  term: Term,
  passId: string,
  { from, to, found, looksAgain }: JudgedPage,
): Promise<void> {
  const latenciesMs = await inTransaction(context.pool, async (client) => {
    const recorded = await recordDiscrepancies(client, context.source.name, passId, found);
    if (looksAgain) await makeDueAgain(client, context.sql, { from, to });
    await advanceCheckpoint(client, context.sql, { from, to, fencingToken: term.fencingToken });
    return recorded;
  });
  context.onDetected(latenciesMs);
}
