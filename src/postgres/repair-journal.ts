/**
 * The journal of repairs: a row exists, committed, before anything is changed; the outcome is written after it.
 * Invariants kept: (7) no change without a journal row from before it; (8) limits are checked in the transaction that
 * writes the rows; (2) a term that was taken over can intend nothing more.
 */
import type pg from 'pg';
import type { PresentMarker, MarkerReading } from '../domain/marker.ts';
import type { MarkerChange, RepairAction, RepairOutcome } from '../domain/repair-action.ts';
import { admitRepairs, type Admission } from './brake.ts';
import { assertTerm } from './checkpoint.ts';
import { inTransaction } from './connect.ts';
import { toJson, type Evidence } from './discrepancy.ts';

export interface IntendedRepair {
  readonly discrepancyId: string;
  readonly action: RepairAction;
  /** What was there before, for people and for undo. */
  readonly before: Evidence;
  readonly undoOf: string | null;
}

export interface JournalEntry extends IntendedRepair {
  readonly id: string;
}

export interface Intention {
  readonly admission: Admission;
  readonly passId: string | null;
  readonly fencingToken: string;
}

/** Commits `intended` rows and returns their ids in order; null when the brake does not admit them. */
export async function intendRepairs(
  pool: pg.Pool,
  { admission, passId, fencingToken }: Intention,
  repairs: readonly IntendedRepair[],
): Promise<string[] | null> {
  return inTransaction(pool, async (client) => {
    await assertTerm(client, admission.source, fencingToken);
    if (!(await admitRepairs(client, admission))) return null;
    const { rows } = await client.query<{ id: string }>(
      `insert into reconciler.repair (discrepancy_id, source, action, marker_key, intent, before, undo_of, done_by,
         pass_id, fencing_token)
       select r."discrepancyId", $1, r.action ->> 'kind', r.action ->> 'key', r.action, r.before, r."undoOf", $2, $3, $4
       from rows from (jsonb_to_recordset($5) as ("discrepancyId" bigint, action jsonb, before jsonb, "undoOf" bigint))
         with ordinality as r ("discrepancyId", action, before, "undoOf", n) order by n
       returning id::text`,
      [admission.source, admission.by, passId, fencingToken, toJson(repairs)],
    );
    return rows.map((row) => row.id);
  });
}

export interface FinishedRepair {
  readonly id: string;
  readonly outcome: Exclude<RepairOutcome, 'withheld'>;
  readonly after: MarkerReading | null;
  readonly note: string | null;
}

/** Writes outcomes. A row that is no longer `intended` was finished by somebody else and is left as it is. */
export async function finishRepairs(
  client: pg.ClientBase | pg.Pool,
  finished: readonly FinishedRepair[],
): Promise<void> {
  if (finished.length === 0) return;
  await client.query(
    `update reconciler.repair r set outcome = f.outcome, after = f.after, note = f.note, ended_at = clock_timestamp()
     from jsonb_to_recordset($1) as f (id bigint, outcome text, after jsonb, note text)
     where r.id = f.id and r.outcome = 'intended'`,
    [toJson(finished)],
  );
}

/** Repairs that an earlier term began and did not finish, oldest first. */
export async function readInterrupted(
  pool: pg.Pool,
  source: string,
  fencingToken: string,
  rowsMax: number,
): Promise<JournalEntry[]> {
  const { rows } = await pool.query<JournalEntry>(
    `${entrySelect} where source = $1 and outcome = 'intended' and fencing_token < $2 order by r.id limit $3`,
    [source, fencingToken, rowsMax],
  );
  return rows;
}

/** Applied repairs of a pass, or the one named, that were not undone; the newest first, so that undo goes backwards. */
export async function readUndoable(
  pool: pg.Pool,
  source: string,
  which: { readonly repairId: string } | { readonly passId: string },
): Promise<JournalEntry[]> {
  const [column, value] = 'repairId' in which ? ['id', which.repairId] : ['pass_id', which.passId];
  const { rows } = await pool.query<JournalEntry>(
    `${entrySelect} where source = $1 and ${column} = $2 and outcome = 'applied'
       and not exists (select from reconciler.repair u where u.undo_of = r.id and u.outcome in ('intended', 'applied'))
     order by r.id desc`,
    [source, value],
  );
  return rows;
}

/**
 * Of these, the subjects that are held because a person took their repair back after they were looked at.
 * @param looked what was looked at when, in Unix milliseconds by the database
 */
export async function readUndoneSince(
  pool: pg.Pool,
  source: string,
  looked: readonly { readonly subject: string; readonly atMs: number }[],
): Promise<Set<string>> {
  const { rows } = await pool.query<{ subject: string }>(
    `select d.subject from jsonb_to_recordset($2) as l (subject text, "atMs" float8)
       join reconciler.discrepancy d on d.source = $1 and d.subject = l.subject and d.state = 'open' and d.held
     where exists (select from reconciler.discrepancy any_of join reconciler.repair u on u.discrepancy_id = any_of.id
       where any_of.source = $1 and any_of.subject = l.subject and u.undo_of is not null and u.outcome = 'applied'
         and u.ended_at > to_timestamp(l."atMs" / 1000))`,
    [source, toJson(looked)],
  );
  return new Set(rows.map(({ subject }) => subject));
}

/** Why the last repair of a source that failed did; null when none has. */
export async function readLastFailure(pool: pg.Pool, source: string): Promise<string | null> {
  const { rows } = await pool.query<{ note: string | null }>(
    `select note from reconciler.repair where source = $1 and outcome = 'failed' and intended_at > now() - interval '1 hour'
     order by repair.id desc limit 1`,
    [source],
  );
  return rows[0]?.note ?? null;
}

/** Whether an open discrepancy waits for another try, since its last repair failed. */
export async function hasOpenFailure(pool: pg.Pool, source: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `select from reconciler.discrepancy d where d.source = $1 and d.state = 'open' and 'failed' =
       (select r.outcome from reconciler.repair r where r.discrepancy_id = d.id order by r.id desc limit 1) limit 1`,
    [source],
  );
  return rowCount === 1;
}

/** The source of a repair, or of a pass; null when there is none by that number. */
export async function sourceOf(
  pool: pg.Pool,
  which: { readonly repairId: string } | { readonly passId: string },
): Promise<string | null> {
  const [table, id] = 'repairId' in which ? ['repair', which.repairId] : ['pass', which.passId];
  const { rows } = await pool.query<{ source: string }>(
    `select source from reconciler.${table} where id = $1`,
    [id],
  );
  return rows[0]?.source ?? null;
}

/** To be ordered by `r.id`: `id` would mean the text that is selected here, where 10 comes before 9. */
const entrySelect = `select id::text, discrepancy_id::text as "discrepancyId", intent as action, before,
  undo_of::text as "undoOf" from reconciler.repair r`;

/** What the marker should look like after an action, for telling whether an interrupted one was made. */
export function intendedMarker(action: MarkerChange): PresentMarker | { readonly kind: 'absent' } {
  switch (action.kind) {
    case 'delete_marker':
      return { kind: 'absent' };
    case 'set_expiry':
      return { kind: 'present', value: action.observed.value, expiresInMs: action.expiresInMs };
    case 'reissue_marker':
    case 'replace_marker':
      return { kind: 'present', value: action.value, expiresInMs: action.expiresInMs };
  }
}
