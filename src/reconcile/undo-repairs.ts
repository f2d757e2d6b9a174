/**
 * Takes repairs back: the state before each, by compare-and-set, journalled like any repair. What was undone is held:
 * no pass repairs it again until a person says so.
 * Invariants kept: (7) undo restores the before-state or says why not; (3, 4) as for every change.
 */
import { OperatingError } from '../domain/operating-error.ts';
import { undoAction } from '../domain/undo-action.ts';
import { inTransaction } from '../postgres/connect.ts';
import { holdDiscrepancy } from '../postgres/discrepancy.ts';
import { finishRepairs, intendRepairs, readUndoable, type JournalEntry } from '../postgres/repair-journal.ts';
import { changeMarker, type ChangeResult } from '../redis/change-marker.ts';
import { observeMarkers } from '../redis/observe-markers.ts';
import type { Term } from './hold-term.ts';
import type { SourceContext } from './source-context.ts';

export interface UndoneRepair {
  readonly repairId: string;
  readonly markerKey: string;
  readonly outcome: 'undone' | 'not_undone';
  /** Why not; null when it was undone. */
  readonly why: string | null;
}

export interface UndoRequest {
  readonly which: { readonly repairId: string } | { readonly passId: string };
  readonly by: string;
  readonly force: boolean;
  readonly passId: string;
}

/** Undoes one repair, or those of a pass, the newest first. Throws `braked` when the brake does not admit it. */
export async function undoRepairs(
  context: SourceContext,
  term: Term,
  request: UndoRequest,
): Promise<UndoneRepair[]> {
  const entries = await readUndoable(context.pool, context.source.name, request.which);
  const results: UndoneRepair[] = [];
  for (const entry of entries) results.push(await undoOne(context, term, request, entry));
  return results;
}

async function undoOne(
  context: SourceContext,
  term: Term,
  request: UndoRequest,
  entry: JournalEntry,
): Promise<UndoneRepair> {
  const { pool, markers, limits } = context;
  const { key } = entry.action;
  const refused = (why: string): UndoneRepair => ({
    repairId: entry.id,
    markerKey: key,
    outcome: 'not_undone',
    why,
  });
  const [now] = await observeMarkers(markers, [key], limits.callTimeoutMs);
  if (now === undefined || now.kind === 'unread')
    return refused(now?.reason ?? 'the marker could not be read');
  const made = { action: entry.action, before: entry.before.marker, beforeAtMs: entry.before.atMs };
  const undo = undoAction(made, now, context.nowMs());
  if (undo.kind === 'impossible') return refused(undo.why);
  const before = { claim: entry.before.claim, marker: now, atMs: context.nowMs() };
  const repair = { discrepancyId: entry.discrepancyId, action: undo.action, before, undoOf: entry.id };
  const id = await intend(context, term, request, repair);
  term.guard();
  const result = await changeMarker(markers, undo.action, limits.callTimeoutMs);
  if (result.kind === 'unknown') return refused(`Redis did not say whether it was made (${result.reason})`);
  const [after] = await observeMarkers(markers, [key], limits.callTimeoutMs);
  const note = result.kind === 'failed' ? result.reason : null;
  await inTransaction(pool, async (client) => {
    await finishRepairs(client, [{ id, outcome: result.kind, after: after ?? null, note }]);
    if (result.kind === 'applied') await holdDiscrepancy(client, entry.discrepancyId);
  });
  return result.kind === 'applied'
    ? { repairId: entry.id, markerKey: key, outcome: 'undone', why: null }
    : refused(whyNot(result));
}

async function intend(
  { pool, source }: SourceContext,
  term: Term,
  { by, force, passId }: UndoRequest,
  repair: Parameters<typeof intendRepairs>[2][number],
): Promise<string> {
  const admission = {
    source: source.name,
    limits: source.rules.brake,
    planned: 1,
    judged: 0,
    bad: 0,
    force,
    by,
  };
  const ids = await intendRepairs(pool, { admission, passId, fencingToken: term.fencingToken }, [repair]);
  const id = ids?.[0];
  if (id !== undefined) return id;
  throw new OperatingError(
    'braked',
    `The brake of ${source.name} does not admit this; nothing was undone. Look at it with status; --force passes it.`,
  );
}

function whyNot(result: ChangeResult): string {
  return result.kind === 'failed' ? `Redis refused: ${result.reason}` : 'the marker changed in the meantime';
}
