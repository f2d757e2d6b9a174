/**
 * The faults that recovery is measured from, and what counts as recovered: a slot that was handed out, and a claim without its
 * marker that was repaired, both by what is in Postgres.
 */
import { inSync, promote, until, type Stage } from './recovery-stage.ts';

export interface Recovery {
  readonly slotMs: number;
  readonly repairedMs: number;
}

export async function measureKill(stage: Stage): Promise<Recovery> {
  const pid = await holderOf(stage);
  return measure(stage, pid, async () => void process.kill(pid, 'SIGKILL'));
}

export async function measureStop(stage: Stage): Promise<Recovery> {
  const pid = await holderOf(stage);
  return measure(stage, pid, async () => void process.kill(pid, 'SIGSTOP'));
}

/** From the death of the primary on; its replica is promoted at once, as by a watcher that is as fast as can be. */
export async function measureFailover(stage: Stage): Promise<Recovery> {
  await holderOf(stage);
  await inSync(stage.replica);
  return measure(stage, null, async () => {
    stage.way.lead(null);
    await stage.primary.kill();
    await promote(stage.replica);
    stage.way.lead(stage.replica.port);
  });
}

/** The process that schedules, once some slots were handed out. */
async function holderOf({ pool, daemons }: Stage): Promise<number> {
  let pid = 0;
  await until(async () => {
    const { rows } = await pool.query<{ pid: number; count: number }>(
      `select split_part(holder, ':', 2)::int as pid, count(*)::int from reconciler.slot group by holder`,
    );
    const [only] = rows;
    pid = only?.pid ?? 0;
    return (only?.count ?? 0) >= 4 && daemons.some((daemon) => daemon.pid === pid);
  });
  return pid;
}

/** @param lost the process whose slots count no more */
async function measure({ pool }: Stage, lost: number | null, fail: () => Promise<void>): Promise<Recovery> {
  await fail();
  const startMs = performance.now();
  const { rows } = await pool.query<{ at: Date }>(
    `insert into gift_claim (uid, attempt_id, status, expires_at)
     values (1, 'attempt', 'granted', clock_timestamp() + interval '1 day') returning clock_timestamp() as at`,
  );
  const since = rows[0]?.at;
  const hasSlot = async (): Promise<boolean> => {
    const { rowCount } = await pool.query(
      `select from reconciler.slot where enqueued_at > $1 and holder not like '%:' || $2 limit 1`,
      [since, String(lost ?? 'nobody')],
    );
    return rowCount === 1;
  };
  const isRepaired = async (): Promise<boolean> => {
    const { rowCount } = await pool.query(`select from reconciler.repair where outcome = 'applied' limit 1`);
    return rowCount === 1;
  };
  const [slotMs, repairedMs] = await Promise.all(
    [hasSlot, isRepaired].map(async (isThere) => {
      await until(isThere);
      return performance.now() - startMs;
    }),
  );
  return { slotMs: slotMs ?? Number.NaN, repairedMs: repairedMs ?? Number.NaN };
}
