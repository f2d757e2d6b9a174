/**
 * Reads a stretch of claims page by page and judges each; reading the next page overlaps with judging this one. Whoever asks
 * keeps what was found, page by page, before the next is judged.
 * Invariant kept: far too many bad claims trip the brake before their page is recorded.
 */
import { judgeReading } from '../domain/brake.ts';
import type { Position } from '../domain/claim.ts';
import { repairedVerdicts } from '../domain/verdict.ts';
import { readBrake, tripBrake } from '../postgres/brake.ts';
import { readClaimPage, type ClaimPage } from '../postgres/claim-pages.ts';
import { inTransaction } from '../postgres/connect.ts';
import { hasWaiting } from '../postgres/due-again.ts';
import type { FoundDiscrepancy } from '../postgres/discrepancy.ts';
import { rangeAfter, type WindowRange } from '../postgres/page-range.ts';
import { judgePage } from './judge-page.ts';
import type { SourceContext } from './source-context.ts';
import { countRepairable, type Tally } from './tally.ts';

export interface Stretch {
  readonly from: Position;
  /** Up to the horizon unless given. */
  readonly upTo?: Position;
  readonly horizon: string;
  /** For a source that is read by a column of its own: how far along it; null when nothing is to be read yet. */
  readonly bound: string | null;
  /** Who is named when the brake trips. */
  readonly by: string;
  /** A person chose to pass the brake. */
  readonly force: boolean;
  /** Told, in words, when judging waits because the marker Redis is slow. */
  readonly onPause?: ((why: string) => void) | undefined;
}

export interface JudgedPage {
  /** From where it was read on; it ends at `to`. */
  readonly range: WindowRange;
  readonly to: Position;
  readonly rows: number;
  readonly found: readonly FoundDiscrepancy[];
  /** Whether discrepancies are open that may be about claims of this page, and wait. */
  readonly looksAgain: boolean;
}

/** The first page is small, so that there is soon something to compare; each further one is twice as large. */
const rowsOfFirstPage = 4_000;

/**
 * @param tally all that counts for the brake so far; whoever asks adds each page before asking for the next
 * Ends when the stretch does; what comes last is otherwise the reason why it was left: the signal, or far too many bad claims.
 */
export async function* judgePages(
  context: SourceContext,
  stretch: Stretch,
  tally: Tally,
  signal: AbortSignal,
): AsyncGenerator<JudgedPage | 'stopped' | 'braked', void, undefined> {
  let range = rangeAfter(context.sql, stretch, null);
  let rowsMax = Math.min(rowsOfFirstPage, context.limits.rowsPerPage);
  let next = readAhead(context, range, stretch.horizon, rowsMax);
  let looksAgain: boolean | null = null;
  for (;;) {
    const page = await next;
    if (page.last === null) return;
    if (signal.aborted) {
      yield 'stopped';
      return;
    }
    rowsMax = Math.min(rowsMax * 2, context.limits.rowsPerPage);
    const following = rangeAfter(context.sql, stretch, page.last);
    next = readAhead(context, following, stretch.horizon, rowsMax);
    await context.awaitTurn(page.rows, signal, stretch.onPause ?? ignore);
    const found = await judgeWithinBrake(context, stretch, page, tally);
    if (found === null) {
      yield 'braked';
      return;
    }
    looksAgain ??= await hasWaiting(context.pool, context.source.name);
    yield { range, to: page.last, rows: page.rows, found, looksAgain };
    range = following;
  }
}

function ignore(): void {}

/** Starts reading a page; a failure is met by whoever awaits it, and is no unhandled rejection until then. */
function readAhead(
  context: SourceContext,
  range: WindowRange,
  horizon: string,
  rowsMax: number,
): Promise<ClaimPage> {
  const page = readClaimPage(context.pool, context.sql, { range, horizon, rowsMax });
  page.catch(() => undefined);
  return page;
}

/** The page's discrepancies; null when so many claims are bad that this is an incident and not drift. */
async function judgeWithinBrake(
  context: SourceContext,
  { by, force }: Stretch,
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
    if (decision.kind === 'pass' || source.rules.mode === 'observe' || force) continue;
    // Asked before every trip, so that a long lift costs one look a block, and no write.
    if ((await readBrake(pool, source.name)).state === 'lifted') continue;
    const reason = `${decision.reason}, and reading was stopped`;
    const tripped = await inTransaction(pool, (client) => tripBrake(client, source.name, reason, by));
    if (tripped) return null;
  }
  return found;
}
