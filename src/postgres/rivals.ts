/**
 * Looks up other claims for the same thing: those that hold a marker's value, and those that are live.
 * Other rows are found through the columns of the marker's key, for which applications keep an index.
 * Invariant kept: among several rows the one that matters most decides; a row that cannot be understood is never "none".
 */
import type pg from 'pg';
import type { Rival } from '../domain/decide.ts';
import { statusOfLetter } from './claims.ts';
import type { SourceSql } from './source-sql.ts';

export interface FoundRival {
  readonly rival: Rival;
  /** The row that decided; null where there is none. */
  readonly claimId: string | null;
  /** Attempts of pending claims that came later: they stand back, unless they were granted already. */
  readonly later?: readonly string[];
}

interface RivalRow {
  readonly id: string;
  readonly status: string;
  readonly rivalId: string;
  /** Of a pending claim that came later. */
  readonly laterAttempt?: string | null;
}

const nobody: FoundRival = { rival: 'unknown', claimId: null };

/**
 * What the table knows of other claims on the same marker that hold a value.
 * @param conflicts claim id and the value its marker holds
 */
export async function lookUpRivals(
  pool: pg.Pool,
  source: SourceSql,
  conflicts: readonly { readonly id: string; readonly value: string }[],
): Promise<Map<string, FoundRival>> {
  if (conflicts.length === 0 || source.keyColumns.length === 0) return new Map();
  // Postgres cannot be asked for a text with U+0000, and no row can hold one.
  const askable = conflicts.filter(({ value }) => !value.includes('\u0000'));
  const sameValue = source.markerValue === null ? 'true' : `${source.markerValue} = asked.value`;
  const { rows } = await pool.query<RivalRow>(
    `select asked.id, rival.status, rival.id as "rivalId"
     from unnest($1::text[], $2::text[]) as asked (id, value)
     join ${source.table} mine on mine.${source.id} = asked.id::${source.idType}
     cross join lateral (
       select ${source.status} as status, other.${source.id}::text as id from ${source.table} other
       where ${sameKey(source)} and other.${source.id} <> mine.${source.id} and ${sameValue}
     ) rival`,
    [askable.map(({ id }) => id), askable.map(({ value }) => value)],
  );
  return weigh(
    conflicts.map(({ id }) => id),
    rows,
  );
}

/**
 * What the table knows of other live claims for the same thing: granted ones whose window is open or ended after the
 * claim's own; and pending ones that were there before, or that changed since the horizon and are being granted perhaps.
 * Other pending ones that came later do not count: of two, one has to go first.
 */
export async function lookUpLiveRivals(
  pool: pg.Pool,
  source: SourceSql,
  ids: readonly string[],
  { nowMs, horizon }: { readonly nowMs: number; readonly horizon: string },
): Promise<Map<string, FoundRival>> {
  if (ids.length === 0 || source.keyColumns.length === 0) return new Map();
  const { rows } = await pool.query<RivalRow>(
    `select mine.${source.id}::text as id, rival.status, rival.id::text as "rivalId",
       case when rival.status = 'p' and rival.id > mine.${source.id} and rival.change < $3::xid8 then rival.attempt end
         as "laterAttempt"
     from ${source.table} mine
     cross join lateral (select ${source.expiresAtMs} as expires_at_ms from (select mine.*) as its) own
     cross join lateral (
       select ${source.status} as status, other.${source.id} as id, ${source.attempt} as attempt,
         ${source.expiresAtMs} as expires_at_ms, ${source.change} as change
       from ${source.table} other
       where ${sameKey(source)} and other.${source.id} <> mine.${source.id}
     ) rival
     where mine.${source.id} = any($1::text[]::${source.idType}[]) and (rival.status in ('p', 'u')
       or rival.status = 'g' and rival.expires_at_ms > least($2, own.expires_at_ms))`,
    [ids, Math.floor(nowMs), horizon],
  );
  return weigh(ids, rows);
}

function sameKey({ keyColumns }: SourceSql): string {
  return keyColumns.map((column) => `mine.${column} = other.${column}`).join(' and ');
}

/** Among several rows of one value the one that matters most decides. */
const weights: readonly Rival[] = ['unknown', 'released', 'unreadable', 'pending', 'granted'];

function weigh(ids: readonly string[], rows: readonly RivalRow[]): Map<string, FoundRival> {
  const found = new Map<string, FoundRival>(ids.map((id) => [id, nobody]));
  for (const { id, status, rivalId, laterAttempt = null } of rows) {
    const known = found.get(id) ?? nobody;
    if (laterAttempt !== null) {
      found.set(id, { ...known, later: [...(known.later ?? []), laterAttempt] });
      continue;
    }
    const rival = statusOfLetter[status] ?? 'unreadable';
    if (weights.indexOf(rival) > weights.indexOf(known.rival))
      found.set(id, { ...known, rival, claimId: rivalId });
  }
  return found;
}
