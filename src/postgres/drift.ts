/**
 * All open discrepancies of a source: summed up by verdict, and one by one. For people who look at a first run.
 * Invariant kept: reads only, and no more than a page at a time.
 */
import type pg from 'pg';
import type { MarkerReading } from '../domain/marker.ts';
import type { BadVerdict } from '../domain/verdict.ts';

export interface DriftOfVerdict {
  readonly verdict: BadVerdict;
  readonly open: number;
  /** When the oldest of them was first seen. */
  readonly firstSeenAt: Date;
  /** Between which times the windows of these claims end; null where none is known. */
  readonly windowsEnd: { readonly first: Date; readonly last: Date } | null;
  /** Of those that were found first. */
  readonly examples: readonly DriftExample[];
}

export interface DriftExample {
  /** Null: a marker without a row. */
  readonly claimId: string | null;
  readonly markerKey: string | null;
}

export interface DriftRow extends DriftExample {
  readonly id: string;
  readonly verdict: BadVerdict;
  /** `pending`, `granted`, `released`; null where it is not known. */
  readonly status: string | null;
  /** As it was looked at last. */
  readonly marker: MarkerReading;
  readonly windowEndsAt: Date | null;
  readonly firstSeenAt: Date;
}

/** SQL: the end of a claim's window, as it was judged. */
const windowEnd = `to_timestamp((evidence -> 'claim' ->> 'expiresAtMs')::float8 / 1000)`;

const examplesMax = 3;

/** The most frequent verdict first. */
export async function summarizeDrift(pool: pg.Pool, source: string): Promise<DriftOfVerdict[]> {
  const { rows } = await pool.query<{
    verdict: BadVerdict;
    open: number;
    firstSeenAt: Date;
    firstEnd: Date | null;
    lastEnd: Date | null;
    examples: DriftExample[];
  }>(
    `select s.*, (
       select json_agg(json_build_object('claimId', e.claim_id, 'markerKey', e.marker_key)) from (
         select claim_id, marker_key from reconciler.discrepancy
         where source = $1 and state = 'open' and verdict = s.verdict order by id limit $2) e
     ) as examples
     from (
       select verdict, count(*)::int as open, min(first_seen_at) as "firstSeenAt",
         min(${windowEnd}) as "firstEnd", max(${windowEnd}) as "lastEnd"
       from reconciler.discrepancy where source = $1 and state = 'open' group by verdict
     ) s order by open desc, verdict`,
    [source, examplesMax],
  );
  return rows.map(({ firstEnd: first, lastEnd: last, ...rest }) => ({
    ...rest,
    windowsEnd: first === null || last === null ? null : { first, last },
  }));
}

/** Page after page, in the order in which they were found. */
export async function* readDrift(pool: pg.Pool, source: string, rowsMax = 1_000): AsyncGenerator<DriftRow[]> {
  for (let afterId = '0'; ;) {
    const { rows } = await pool.query<DriftRow>(
      `select id::text, verdict, claim_id as "claimId", marker_key as "markerKey", first_seen_at as "firstSeenAt",
         evidence -> 'claim' ->> 'status' as status, evidence -> 'marker' as marker, ${windowEnd} as "windowEndsAt"
       from reconciler.discrepancy where source = $1 and state = 'open' and id > $2
       order by discrepancy.id limit $3`,
      [source, afterId, rowsMax],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    afterId = last.id;
  }
}
