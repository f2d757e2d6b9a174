/**
 * Takes repairs back: the state before each, by compare-and-set, journalled like any repair. What was undone is held:
 * no pass repairs it again until a person says so.
 * Invariants kept: (7) undo restores the before-state or says why not; (3, 4) as for every change.
 */
import { OperatingError } from '../domain/operating-error.ts';
import type { MarkerChange, RepairKind } from '../domain/repair-action.ts';
import { undoAction } from '../domain/undo-action.ts';
import { assertTerm } from '../postgres/checkpoint.ts';
import { inTransaction } from '../postgres/connect.ts';
import { holdDiscrepancy } from '../postgres/discrepancy.ts';
import {
  finishRepairs,
  intendRepairs,
  readUndoable,
  type IntendedRepair,
  type JournalEntry,
} from '../postgres/repair-journal.ts';
import { changeMarkers } from '../redis/change-marker.ts';
import { observeMarkers } from '../redis/observe-markers.ts';
import type { Term } from './hold-term.ts';
import type { SourceContext } from './source-context.ts';

export interface UndoneRepair {
  readonly repairId: string;
  /** What the repair had changed. */
  readonly kind: RepairKind;
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

interface PlannedUndo {
  readonly entry: JournalEntry;
  readonly repair: IntendedRepair & { readonly action: MarkerChange };
}

/**
 * Undoes one repair, or those of a pass, the newest first. Results begin with those that cannot be undone. Throws
 * `braked` when the brake does not admit the whole of it: then nothing was undone; `fenced_out` when a newer term has begun.
 */
export async function undoRepairs(
  context: SourceContext,
  term: Term,
  request: UndoRequest,
  signal: AbortSignal,
): Promise<UndoneRepair[]> {
  const { pool, source } = context;
  const entries = await readUndoable(pool, source.name, request.which);
  const { planned, refused } = await planUndo(context, entries);
  const results = [...refused];
  for (const { entry, repair, id } of await intend(context, term, request, planned)) {
    const result = signal.aborted
      ? await closeUnmade(context, entry, id)
      : await undoOne(context, term, { entry, repair }, id);
    results.push(result);
  }
  return results;
}

async function planUndo(
  context: SourceContext,
  entries: readonly JournalEntry[],
): Promise<{ planned: PlannedUndo[]; refused: UndoneRepair[] }> {
  const keys = entries.map(({ action }) => action.key);
  const markers = await observeMarkers(context.markers, keys, context.limits.callTimeoutMs, context.form);
  const atMs = context.nowMs();
  const planned: PlannedUndo[] = [];
  const refused: UndoneRepair[] = [];
  for (const [at, entry] of entries.entries()) {
    const marker = markers[at] ?? { kind: 'unread', reason: 'no reading' };
    const made = { action: entry.action, before: entry.before.marker, beforeAtMs: entry.before.atMs };
    const undo = undoAction(made, marker, atMs);
    if (undo.kind === 'impossible') {
      refused.push(notUndone(entry, marker.kind === 'unread' ? marker.reason : undo.why));
      continue;
    }
    const before = { claim: entry.before.claim, marker, atMs };
    const repair = { discrepancyId: entry.discrepancyId, action: undo.action, before, undoOf: entry.id };
    planned.push({ entry, repair });
  }
  return { planned, refused };
}

async function intend(
  { pool, source }: SourceContext,
  term: Term,
  { by, force, passId }: UndoRequest,
  planned: readonly PlannedUndo[],
): Promise<(PlannedUndo & { readonly id: string })[]> {
  if (planned.length === 0) return [];
  const limits = source.rules.brake;
  const admission = {
    source: source.name,
    limits,
    planned: planned.length,
    judged: 0,
    bad: 0,
    force,
    by,
    trips: false,
  };
  const repairs = planned.map(({ repair }) => repair);
  const ids = await intendRepairs(pool, { admission, passId, fencingToken: term.fencingToken }, repairs);
  if (ids !== null) return planned.map((undo, at) => ({ ...undo, id: ids[at] ?? '' }));
  throw new OperatingError(
    'braked',
    `The brake of ${source.name} does not admit these ${planned.length} changes; nothing was undone. Look at it with ` +
      '`status`; --force passes it, at the command line.',
  );
}

async function undoOne(
  { pool, source, markers, form, limits }: SourceContext,
  term: Term,
  { entry, repair }: PlannedUndo,
  id: string,
): Promise<UndoneRepair> {
  term.guard();
  const confirm = async (): Promise<void> => assertTerm(pool, source.name, term.fencingToken);
  const [result] = await changeMarkers(markers, [repair.action], limits.callTimeoutMs, confirm, form);
  if (result === undefined) throw new Error('a change without a result');
  if (result.kind === 'unknown')
    return notUndone(entry, `Redis did not say whether it was made (${result.reason})`);
  const [after] = await observeMarkers(markers, [repair.action.key], limits.callTimeoutMs, form);
  const note = result.kind === 'failed' ? result.reason : null;
  await inTransaction(pool, async (client) => {
    await finishRepairs(client, [{ id, outcome: result.kind, after: after ?? null, note }]);
    if (result.kind === 'applied') await holdDiscrepancy(client, entry.discrepancyId);
  });
  if (result.kind === 'applied') return resultOf(entry, 'undone', null);
  const why =
    result.kind === 'failed' ? `Redis refused: ${result.reason}` : 'the marker changed in the meantime';
  return notUndone(entry, why);
}

async function closeUnmade({ pool }: SourceContext, entry: JournalEntry, id: string): Promise<UndoneRepair> {
  const why = 'not made: asked to stop';
  await finishRepairs(pool, [{ id, outcome: 'superseded', after: null, note: why }]);
  return notUndone(entry, why);
}

function notUndone(entry: JournalEntry, why: string): UndoneRepair {
  return resultOf(entry, 'not_undone', why);
}

function resultOf(
  { id, action }: JournalEntry,
  outcome: UndoneRepair['outcome'],
  why: string | null,
): UndoneRepair {
  return { repairId: id, kind: action.kind, markerKey: action.key, outcome, why };
}
