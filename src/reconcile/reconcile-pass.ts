/**
 * One pass over one source: the story of the whole program.
 * Read what changed since the checkpoint, compare with the markers, record what is wrong, repair what is open.
 * Invariants kept: each by the step that is called; this function only puts them in order.
 */
import type { Position } from '../domain/claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { Mode } from '../domain/source.ts';
import { resolveSettledAlerts } from '../postgres/alert.ts';
import { readBrake } from '../postgres/brake.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { countOpen, makeDue } from '../postgres/discrepancy.ts';
import { estimateRows } from '../postgres/claim-pages.ts';
import { rangeAfter } from '../postgres/page-range.ts';
import { beginPass } from '../postgres/pass.ts';
import { finishInterrupted } from './finish-interrupted.ts';
import { findRowless } from './find-rowless.ts';
import { fixWindow, type Window } from './fix-window.ts';
import { judgeReports } from './judge-reports.ts';
import { judgeWindow } from './judge-window.ts';
import type { PassReport } from './pass-report.ts';
import { closePass, noWindow, type PassEnd } from './close-pass.ts';
import { obstaclesNow, preflight, type Preflight } from './preflight.ts';
import { repairDue, tellFailures } from './repair-due.ts';
import type { ReadingProgress } from './reading-progress.ts';
import type { SourceContext } from './source-context.ts';
import type { OfferChunks, WindowEnd } from './window-request.ts';
import { startTally, type Tally } from './tally.ts';
import type { Term } from './hold-term.ts';

export interface PassRequest {
  /** Who asked: `schedule`, or a person. Written into the journal. */
  readonly by: string;
  /** A person chose to pass the brake. */
  readonly force: boolean;
  /** A recheck: nothing is read but what is due. */
  readonly onlyDue?: boolean;
  /** Given for one-off runs, which wait for a horizon old enough. See `fixWindow`. */
  readonly onWait?: (waitMs: number) => void;
  readonly onProgress?: (progress: ReadingProgress) => void;
  /** Told, in words, when judging waits because the marker Redis is slow. */
  readonly onPause?: (why: string) => void;
  /** Given where other workers may judge pieces of a large window. */
  readonly offerChunks?: OfferChunks;
}

/**
 * Runs one pass under a term that is held already. Stops between batches when `signal` aborts; what was judged before
 * is kept. Returns a report for every pass that began, also for one that a failing store aborted; throws
 * `checkpoint_refused` before it begins.
 */
export async function reconcilePass(
  context: SourceContext,
  term: Term,
  request: PassRequest,
  signal: AbortSignal,
): Promise<PassReport> {
  const startedAtMs = performance.now();
  const start = await preflight(context, term);
  const { name, rules } = context.source;
  const { passId, previousMode } = await beginPass(context.pool, {
    source: name,
    askedBy: request.by,
    mode: rules.mode,
    fencingToken: term.fencingToken,
  });
  const progress: Progress = { tally: startTally(), to: start.from, window: noWindow };
  const end = await run(context, term, { ...request, passId, previousMode, start }, progress, signal);
  return closePass(context, { passId, startedAtMs, from: start.from, ...progress, ...end });
}

interface Progress {
  readonly tally: Tally;
  to: Position;
  window: Window;
}

interface BegunPass extends PassRequest {
  readonly passId: string;
  readonly previousMode: Mode | null;
  readonly start: Preflight;
}

/** The steps in order. A store that fails, or a lost term, ends the pass with its reason; programming errors go on up. */
async function run(
  context: SourceContext,
  term: Term,
  pass: BegunPass,
  progress: Progress,
  asked: AbortSignal,
): Promise<PassEnd> {
  const { pool, source } = context;
  const signal = AbortSignal.any([asked, term.signal]);
  try {
    await finishInterrupted(context, term, signal);
    const isUnleashed = pass.force || (pass.previousMode === 'observe' && source.rules.mode === 'repair');
    if (isUnleashed) await makeDue(pool, source.name);
    await judgeReports(context, pass.passId, signal);
    progress.window = await fixWindow(context, signal, pass.onWait);
    const isRecheck = pass.onlyDue === true;
    const reading = isRecheck ? 'completed' : await readWindow(context, term, pass, progress, signal);
    if (reading === 'stopped') return { outcome: 'stopped', reason: reasonOf(signal) };
    if (reading === 'braked') return await braked(context);
    const obstacles = await obstaclesNow(context, pass.start);
    const mayForget = source.rules.mode === 'repair' && obstacles.length === 0;
    if (!isRecheck) await findRowless(context, { passId: pass.passId, mayForget }, progress.tally, signal);
    const horizon = isRecheck ? judgedBefore(pass.start.from) : progress.window.horizon;
    const request = { ...pass, obstacles, horizon };
    const admitted = await repairDue(context, term, request, progress.tally, signal);
    await tellFailures(context, progress.tally);
    await resolveSettledAlerts(pool, source.name);
    if (!admitted || (await isHeldBack(context, pass))) return await braked(context);
    return signal.aborted
      ? { outcome: 'stopped', reason: reasonOf(signal) }
      : { outcome: 'completed', reason: obstacles.join('; ') || null };
  } catch (error) {
    if (signal.aborted && isAbort(error, signal)) return { outcome: 'stopped', reason: reasonOf(signal) };
    return { outcome: 'aborted', reason: asOperatingError(error).message };
  }
}

/** For a recheck: what changed since the checkpoint is left to the pass that reads it. */
function judgedBefore({ changeXid, id }: Position): string {
  return id === null ? changeXid : String(BigInt(changeXid) + 1n);
}

async function readWindow(
  context: SourceContext,
  term: Term,
  pass: BegunPass,
  progress: Progress,
  signal: AbortSignal,
): Promise<WindowEnd> {
  const { tally, window } = progress;
  const expected = await expectedRows(context, pass, window);
  const onKept = (to: Position): void => {
    progress.to = to;
    pass.onProgress?.({ checked: tally.checked, expected });
  };
  const request = { ...pass, ...window, from: pass.start.from, onKept };
  return judgeWindow(context, term, request, tally, signal);
}

/** For one-off runs, whom a person waits for: a scheduled pass over nothing must cost nothing. */
async function expectedRows(
  { pool, sql }: SourceContext,
  { onWait, onProgress, start }: BegunPass,
  { horizon, bound }: Window,
): Promise<number | null> {
  if (onWait === undefined || onProgress === undefined) return null;
  return estimateRows(pool, sql, rangeAfter(sql, { from: start.from, bound }, null), horizon);
}

/** What the brake held back in an earlier pass is not due yet, but it is there, and a person is waited for. */
async function isHeldBack({ pool, source }: SourceContext, { force }: PassRequest): Promise<boolean> {
  if (force || source.rules.mode !== 'repair') return false;
  const { state } = await readBrake(pool, source.name);
  return state === 'tripped' && (await countOpen(pool, source.name)) > 0;
}

async function braked({ pool, source }: SourceContext): Promise<PassEnd> {
  const { reason } = await readBrake(pool, source.name);
  return { outcome: 'braked', reason };
}

/** What came of being asked to stop: the signal's own reason, or what a store made of it. */
function isAbort(error: unknown, { reason }: AbortSignal): boolean {
  if (error === reason) return true;
  return error instanceof Error && (error.name === 'AbortError' || error instanceof OperatingError);
}

function reasonOf(signal: AbortSignal): string {
  return signal.reason instanceof Error ? signal.reason.message : 'asked to stop';
}
