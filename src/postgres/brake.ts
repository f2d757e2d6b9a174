/**
 * The brake's state, kept in Postgres so that limits hold over all workers, restarts and manual jobs together.
 * Invariant kept (8): counting and admitting happen under one row lock per source.
 */
import type pg from 'pg';
import { judgePlan, type BrakeCounts, type BrakeState } from '../domain/brake.ts';
import type { BrakeLimits } from '../domain/source.ts';
import type { BadVerdict } from '../domain/verdict.ts';
import { raiseAlerts } from './alert.ts';

export interface BrakeReading {
  readonly state: BrakeState;
  readonly reason: string | null;
}

export interface Admission {
  readonly source: string;
  readonly limits: BrakeLimits;
  readonly planned: number;
  /** What the pass judged, and how much of it was bad in a way that is repaired; zeros for a manual job. */
  readonly judged: number;
  readonly bad: number;
  /** A person chose to pass the brake. */
  readonly force: boolean;
  readonly by: string;
  /** The verdicts that count as bad over the hour. */
  readonly repaired?: readonly BadVerdict[];
  /** False: a plan over the limits is refused, without stopping everybody else. */
  readonly trips?: boolean;
}

/** The state as it is now: a lift that has run out counts as armed. */
export async function readBrake(client: pg.ClientBase | pg.Pool, source: string): Promise<BrakeReading> {
  const { rows } = await client.query<BrakeReading>(
    `select case when state = 'lifted' and lifted_until <= clock_timestamp() then 'armed' else state end as state, reason
     from reconciler.brake where source = $1`,
    [source],
  );
  return rows[0] ?? { state: 'armed', reason: null };
}

/**
 * Whether these repairs may be made; if not, the brake is tripped (and the alert raised) in the same transaction.
 * The caller's transaction holds the source's brake until its end, so that two plans cannot both be the last to fit.
 */
export async function admitRepairs(client: pg.ClientBase, admission: Admission): Promise<boolean> {
  const { source, limits, force, by } = admission;
  if (admission.planned === 0) return true;
  await client.query(
    `insert into reconciler.brake (source, changed_by) values ($1, $2) on conflict (source) do nothing`,
    [source, by],
  );
  await client.query('select from reconciler.brake where source = $1 for update', [source]);
  const { state } = await readBrake(client, source);
  if (force || state === 'lifted') return true;
  if (state === 'tripped') return false;
  const hour =
    admission.judged > 0
      ? await readLastHour(client, source, admission.repaired ?? [])
      : { judged: 0, bad: 0 };
  const counts: BrakeCounts = {
    planned: admission.planned,
    lastHour: await countLastHour(client, source),
    judged: admission.judged + hour.judged,
    bad: admission.bad + hour.bad,
  };
  const decision = judgePlan(counts, limits);
  if (decision.kind === 'pass') return true;
  if (admission.trips !== false) await tripBrake(client, source, decision.reason, by);
  return false;
}

/**
 * Trips the brake and raises the one critical alert that goes with it. False, and nothing is changed, while a person lets
 * repairs go on without limits, even if they said so only just now.
 */
export async function tripBrake(
  client: pg.ClientBase,
  source: string,
  reason: string,
  by: string,
): Promise<boolean> {
  await client.query(
    `insert into reconciler.brake (source, state, reason, changed_by) values ($1, 'tripped', $2, $3)
     on conflict (source) do update set state = 'tripped', reason = excluded.reason, changed_by = excluded.changed_by,
       changed_at = clock_timestamp(), lifted_until = null
       where brake.state = 'armed' or brake.lifted_until <= clock_timestamp()`,
    [source, reason, by],
  );
  if ((await readBrake(client, source)).state !== 'tripped') return false;
  await raiseAlerts(client, [
    {
      cause: `${source}:brake`,
      kind: 'brake',
      source,
      severity: 'critical',
      summary: `The brake of ${source} stopped all repairs: ${reason}. Look first, then run: claim-reconciler resume --source ${source}`,
    },
  ]);
  return true;
}

/** A person lets repairs go on, without limits for `liftMs`; afterwards the limits hold again. False if not tripped. */
export async function liftBrake(
  client: pg.ClientBase,
  source: string,
  liftMs: number,
  by: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `update reconciler.brake set state = 'lifted', changed_by = $3, changed_at = clock_timestamp(),
       lifted_until = clock_timestamp() + $2 * interval '1 ms' where source = $1 and state = 'tripped'`,
    [source, liftMs, by],
  );
  return rowCount === 1;
}

/** SQL: an hour ago, or the end of a lift since then: what a person has accepted is not held against what follows. */
const countedSince = `greatest(clock_timestamp() - interval '1 hour', (select lifted_until from reconciler.brake
  where source = $1 and state = 'lifted'))`;

/**
 * What passes of the last hour judged: a share means little in one pass over a few claims. Repairs by hand, which have no
 * window, judged what a person picked.
 */
async function readLastHour(
  client: pg.ClientBase,
  source: string,
  repaired: readonly BadVerdict[],
): Promise<{ judged: number; bad: number }> {
  const { rows } = await client.query<{ judged: number; bad: number }>(
    `select coalesce(sum((report ->> 'checked')::int), 0)::int as judged,
       coalesce(sum((select sum(value::int) from jsonb_each_text(report -> 'verdicts')
         where key = any($2))), 0)::int as bad
     from reconciler.pass where source = $1 and started_at > ${countedSince}
       and report ->> 'horizon' <> '0'`,
    [source, repaired],
  );
  return rows[0] ?? { judged: 0, bad: 0 };
}

/** Repairs of the last hour that changed something or may have. */
async function countLastHour(client: pg.ClientBase, source: string): Promise<number> {
  const { rows } = await client.query<{ made: number }>(
    `select count(*)::int as made from reconciler.repair where source = $1
       and intended_at > ${countedSince} and outcome in ('intended', 'applied')`,
    [source],
  );
  return rows[0]?.made ?? 0;
}
