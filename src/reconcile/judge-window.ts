/**
 * The first half of a pass: reads the window page by page, judges each, and advances the checkpoint in the transaction
 * that records what was found. Reading the next page overlaps with judging this one.
 * Invariants kept: (1) only judged rows are passed; (2) the fencing token guards each advance.
 */
import { judgeReading } from '../domain/brake.ts';
import type { Position } from '../domain/claim.ts';
import { repairedVerdicts } from '../domain/verdict.ts';
import { readBrake, tripBrake } from '../postgres/brake.ts';
import { advanceCheckpoint } from '../postgres/checkpoint.ts';
import { readClaimPage, type ClaimPage } from '../postgres/claim-pages.ts';
import { inTransaction } from '../postgres/connect.ts';
import { hasWaiting, makeDueAgain } from '../postgres/due-again.ts';
import { recordDiscrepancies, type FoundDiscrepancy } from '../postgres/discrepancy.ts';
import { judgePage } from './judge-page.ts';
import type { SourceContext } from './source-context.ts';
import { countBatch, countRepairable, type Tally } from './tally.ts';
import type { Term } from './hold-term.ts';

export interface WindowRequest {
  readonly passId: string;
  readonly by: string;
  readonly force: boolean;
  readonly horizon: string;
  readonly from: Position;
  /** Told after each batch that is judged and kept. */
  readonly onKept: (to: Position) => void;
}

/** The first page is small, so that there is soon something to compare; each further one is twice as large. */
const rowsOfFirstPage = 4_000;

/** Why reading ended: the window's end, the signal, or far too many bad claims. */
export type WindowEnd = 'completed' | 'stopped' | 'braked';

export async function judgeWindow(
  context: SourceContext,
  term: Term,
  request: WindowRequest,
  tally: Tally,
  signal: AbortSignal,
): Promise<WindowEnd> {
  let position = request.from;
  let rowsMax = Math.min(rowsOfFirstPage, context.limits.rowsPerPage);
  let next = readAhead(context, position, request.horizon, rowsMax);
  let looksAgain: boolean | null = null;
  for (;;) {
    const page = await next;
    if (page.last === null) return 'completed';
    if (signal.aborted) return 'stopped';
    rowsMax = Math.min(rowsMax * 2, context.limits.rowsPerPage);
    next = readAhead(context, page.last, request.horizon, rowsMax);
    const found = await judgeWithinBrake(context, request, page, tally);
    if (found === null) return 'braked';
    looksAgain ??= await hasWaiting(context.pool, context.source.name);
    term.guard();
    const kept = { from: position, to: page.last, found, looksAgain };
    position = await keep(context, term, request.passId, kept);
    countBatch(tally, page.rows, found);
    request.onKept(position);
  }
}

/** Starts reading a page; a failure is met by whoever awaits it, and is no unhandled rejection until then. */
function readAhead(
  context: SourceContext,
  after: Position,
  horizon: string,
  rowsMax: number,
): Promise<ClaimPage> {
  const page = readClaimPage(context.pool, context.sql, { range: { by: 'change', after }, horizon, rowsMax });
  page.catch(() => undefined);
  return page;
}

/** The page's discrepancies; null when so many claims are bad that this is an incident and not drift. */
async function judgeWithinBrake(
  context: SourceContext,
  request: WindowRequest,
  page: ClaimPage,
  tally: Tally,
): Promise<FoundDiscrepancy[] | null> {
  const { pool, source } = context;
  const { policy } = source.rules;
  const repaired = new Set(repairedVerdicts(policy));
  const found: FoundDiscrepancy[] = [];
  for await (const some of judgePage(context, page)) {
    found.push(...some);
    const bad = countRepairable(tally, policy) + found.filter(({ verdict }) => repaired.has(verdict)).length;
    const counts = { judged: tally.checked + page.rows, bad };
    const decision = judgeReading(counts, source.rules.brake);
    if (decision.kind === 'pass' || source.rules.mode === 'observe' || request.force) continue;
    // Asked before every trip, so that a long lift costs one look a block, and no write.
    if ((await readBrake(pool, source.name)).state === 'lifted') continue;
    const reason = `${decision.reason}, and reading was stopped`;
    const tripped = await inTransaction(pool, (client) => tripBrake(client, source.name, reason, request.by));
    if (tripped) return null;
  }
  return found;
}

interface KeptPage {
  readonly from: Position;
  readonly to: Position;
  readonly found: readonly FoundDiscrepancy[];
  /** Whether discrepancies are open that may be about claims of this page, and wait. */
  readonly looksAgain: boolean;
}

/** What was found and the advance over it, in one transaction. */
async function keep(
  context: SourceContext,
  term: Term,
  passId: string,
  { from, to, found, looksAgain }: KeptPage,
): Promise<Position> {
  const latenciesMs = await inTransaction(context.pool, async (client) => {
    const recorded = await recordDiscrepancies(client, context.source.name, passId, found);
    if (looksAgain) await makeDueAgain(client, context.sql, { from, to });
    await advanceCheckpoint(client, context.sql, { from, to, fencingToken: term.fencingToken });
    return recorded;
  });
  context.onDetected(latenciesMs);
  return to;
}
