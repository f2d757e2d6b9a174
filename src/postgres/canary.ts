/**
 * The records of the canary: its claims, and the rounds in which one of them is broken.
 * Invariants kept: a slot has one round, however many begin it; a round that has ended stays as it ended; whatever is old is
 * dropped, with what was recorded about it.
 * What was found and repaired is read from the discrepancies of its source, like anybody's: nothing here is told that it was.
 */
import type pg from 'pg';
import { canaryName, type CanaryFault, type CanaryRound, type CanaryRounds } from '../domain/canary.ts';
import { inTransaction } from './connect.ts';

/** A round whose fault is to be put in place. */
export interface BegunRound {
  readonly id: string;
  readonly fault: CanaryFault;
  readonly attempt: string;
}

/** The fault of the newest round; null before the first. */
export async function readLastFault(pool: pg.Pool): Promise<CanaryFault | null> {
  const { rows } = await pool.query<{ fault: CanaryFault }>(
    'select fault from reconciler.canary_round order by id desc limit 1',
  );
  return rows[0]?.fault ?? null;
}

export interface NewRound {
  readonly slot: Date;
  readonly fault: CanaryFault;
  readonly attempt: string;
  /** For how long its claim's marker is to live. */
  readonly windowMs: number;
}

/**
 * Writes a claim that is right, and its round; where the slot has a round already, that one goes on. Null when there is
 * nothing to be broken any more: the fault is in place, or the round has ended.
 */
export async function beginRound(pool: pg.Pool, round: NewRound): Promise<BegunRound | null> {
  return inTransaction(pool, async (client) => {
    // Of two that begin it, one waits here for the other.
    await client.query(`select pg_advisory_xact_lock(hashtextextended('claim-reconciler canary', 0))`);
    await client.query(
      `with claim as (
         insert into reconciler.canary_claim (attempt_id, status, expires_at)
         select $3::uuid, 'granted', clock_timestamp() + $4 * interval '1 ms'
         where not exists (select from reconciler.canary_round where slot = $1)
         returning id
       )
       insert into reconciler.canary_round (slot, fault, claim_id) select $1, $2, id from claim`,
      [round.slot, round.fault, round.attempt, round.windowMs],
    );
    const { rows } = await client.query<BegunRound>(
      `select r.id::text, r.fault, c.attempt_id::text as attempt
       from reconciler.canary_round r join reconciler.canary_claim c on c.id = r.claim_id
       where r.slot = $1 and r.broken_at is null and r.outcome is null`,
      [round.slot],
    );
    return rows[0] ?? null;
  });
}

/**
 * Notes that the fault is in place, and writes the row once more: it is judged anew from here, whatever a pass saw while the
 * marker was being broken. An orphan's fault is in the row: its hand-out failed.
 */
export async function noteBroken(pool: pg.Pool, id: string): Promise<void> {
  await pool.query(
    `with round as (
       update reconciler.canary_round set broken_at = clock_timestamp()
       where id = $1 and broken_at is null and outcome is null returning claim_id, fault
     )
     update reconciler.canary_claim c
     set status = case round.fault when 'orphan_marker' then 'released' else 'granted' end
     from round where c.id = round.claim_id`,
    [id],
  );
}

export interface OverdueRound extends CanaryRound {
  readonly attempt: string;
  /** Whether its fault was ever put in place. */
  readonly isBroken: boolean;
}

/**
 * Notes what was found and repaired by now, and ends the rounds that passed. Returns those that passed by this call, and
 * those whose time is over without.
 */
export async function noteProgress(
  pool: pg.Pool,
  withinMs: number,
): Promise<{ readonly passed: number; readonly overdue: readonly OverdueRound[] }> {
  const { rowCount } = await pool.query(
    `with seen as (
       select r.id, min(d.first_seen_at) as found_at,
         case when bool_and(d.state = 'resolved') and bool_or(d.resolution = 'repaired') then max(d.resolved_at) end
           as repaired_at
       from reconciler.canary_round r join reconciler.discrepancy d
         on d.source = $1 and d.subject = 'claim:' || r.claim_id
       where r.outcome is null and r.broken_at is not null
       group by r.id
     ), noted as (
       update reconciler.canary_round r set found_at = seen.found_at, repaired_at = seen.repaired_at,
         outcome = case when seen.repaired_at <= r.injected_at + $2 * interval '1 ms' then 'passed' end
       from seen where r.id = seen.id and r.outcome is null
         and (r.found_at, r.repaired_at) is distinct from (seen.found_at, seen.repaired_at)
       returning r.outcome
     )
     select from noted where outcome = 'passed'`,
    [canaryName, withinMs],
  );
  const { rows } = await pool.query<OverdueRound>(
    `select ${roundColumns}, c.attempt_id::text as attempt, r.broken_at is not null as "isBroken"
     from reconciler.canary_round r join reconciler.canary_claim c on c.id = r.claim_id
     where r.outcome is null and r.injected_at + $1 * interval '1 ms' < clock_timestamp() order by r.id`,
    [withinMs],
  );
  return { passed: rowCount ?? 0, overdue: rows };
}

/** False when another has ended it before. */
export async function endRound(pool: pg.Pool, id: string, outcome: 'failed' | 'void'): Promise<boolean> {
  const { rowCount } = await pool.query(
    'update reconciler.canary_round set outcome = $2 where id = $1 and outcome is null',
    [id, outcome],
  );
  return rowCount === 1;
}

/** SQL: a `CanaryRound` of the row `r`. */
const roundColumns = `r.id::text, r.claim_id::text as "claimId", r.fault, r.outcome,
  ${ms('clock_timestamp() - r.injected_at')} as "ageMs",
  ${ms('r.found_at - r.injected_at')} as "foundMs", ${ms('r.repaired_at - r.injected_at')} as "repairedMs"`;

export interface CanaryRecord extends CanaryRounds {
  /** The newest that passed. */
  readonly passed: CanaryRound | null;
}

/** Each by one probe of an index. */
export async function readRounds(pool: pg.Pool): Promise<CanaryRecord> {
  const newestOf = (outcomes: string): string =>
    `(select ${roundColumns}, '${outcomes}' as which from reconciler.canary_round r where ${conditions[outcomes] ?? ''}
      order by r.id desc limit 1)`;
  const { rows } = await pool.query<CanaryRound & { which: keyof CanaryRecord }>(
    Object.keys(conditions).map(newestOf).join(' union all '),
  );
  const of = (wanted: keyof CanaryRecord): CanaryRound | null =>
    rows.find(({ which }) => which === wanted) ?? null;
  return { newest: of('newest'), ended: of('ended'), passed: of('passed') };
}

const conditions: Readonly<Record<string, string>> = {
  newest: `r.outcome is distinct from 'void'`,
  ended: `r.outcome in ('passed', 'failed')`,
  passed: `r.outcome = 'passed'`,
};

/** What stands in the way of its repair, as far as is known, in words for people; null when nothing is known. */
export async function readHindrance(pool: pg.Pool): Promise<string | null> {
  const { rows } = await pool.query<{ brake: string | null; pass: string | null; since: string | null }>(
    `select (select state from reconciler.brake where source = $1) as brake, pass.told as pass,
       to_char(pass.started_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') as since
     from (select) one left join lateral (
       select coalesce(outcome || coalesce(': ' || (report ->> 'reason'), ''), 'still running') as told, started_at
       from reconciler.pass where source between $1 and $1 order by source, id desc limit 1) pass on true`,
    [canaryName],
  );
  const [row] = rows;
  if (row?.brake === 'tripped') return 'its brake is tripped';
  if (row?.pass === undefined || row.pass === null) return 'no pass over it has begun yet';
  return `the last pass over it began at ${row.since ?? '?'} (${row.pass})`;
}

/** Rounds that are kept. */
const keptRounds = 100;

/**
 * Drops all but the newest rounds, with their claims and all that was recorded about these. Returns the attempts of those
 * dropped, whose markers nobody looks at any more.
 */
export async function dropOldRounds(pool: pg.Pool): Promise<string[]> {
  return inTransaction(pool, async (client) => {
    const { rows: old } = await client.query<{ claim: string }>(
      `delete from reconciler.canary_round where outcome is not null and id <=
         (select id from reconciler.canary_round order by id desc offset ${keptRounds} limit 1)
       returning claim_id::text as claim`,
    );
    if (old.length === 0) return [];
    const claims = old.map(({ claim }) => claim);
    const about = `source = $1 and subject = any (select 'claim:' || unnest($2::text[]))`;
    await client.query(
      `delete from reconciler.repair where discrepancy_id in (select id from reconciler.discrepancy where ${about})`,
      [canaryName, claims],
    );
    await client.query(`delete from reconciler.discrepancy where ${about}`, [canaryName, claims]);
    const { rows } = await client.query<{ attempt: string }>(
      'delete from reconciler.canary_claim where id = any($1::bigint[]) returning attempt_id::text as attempt',
      [claims],
    );
    return rows.map(({ attempt }) => attempt);
  });
}

function ms(interval: string): string {
  return `(extract(epoch from ${interval}) * 1000)::float8`;
}
