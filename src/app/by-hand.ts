/**
 * What people ask for on the dashboard, from the queue to the jobs that the command line runs as well.
 * Invariants kept: a plan is carried out only as far as it still stands, and only by its own source's rules, whoever wrote it
 * into the queue; the brake holds: only the command line can pass it; who asked is in the journal.
 */
import { run as repair, type PersonsPayload, type RepairResult } from '../../jobs/repair.ts';
import { run as undo, type UndoResult } from '../../jobs/undo.ts';
import type { JobDeps } from '../../jobs/job.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { readPlanFile, type PlanFile } from '../reconcile/plan-file.ts';
import type { ByHandPayload } from '../schedule/by-hand-payload.ts';
import { openByHandQueue, startByHandWorker, type ByHandQueue } from '../schedule/by-hand-queue.ts';
import type { QueueOptions } from '../schedule/open-queue.ts';
import type { QueueWorker, RunView } from '../schedule/queue-worker.ts';
import type { Sentences } from './log-sentences.ts';

export interface ByHandOptions extends QueueOptions {
  readonly deps: JobDeps;
  readonly sentences: Pick<Sentences, 'doneByHand'>;
}

export interface ByHand extends Pick<ByHandQueue, 'queue' | 'ask' | 'read'> {
  /** Begins to take jobs. */
  start(): void;
  /** Takes no more jobs and waits for those under way, which are told to stop. As `QueueWorker.close`. */
  stop(deadlineMs: number): Promise<boolean>;
  /** Closes the queue, after `stop`. Ends within about `deadlineMs`. Never throws. */
  close(deadlineMs: number): Promise<void>;
}

/** What a job leaves in the queue. */
export type ByHandResult =
  | (Omit<RepairResult, 'file'> & { readonly task: 'repair'; readonly file: PlanFile | null })
  | (UndoResult & { readonly task: 'undo' });

/** At a time in one process; they take turns with passes for the lease of their source. */
const concurrency = 2;
/** More would be too much to look through on a page, and to keep in the queue. */
const linesMax = 1_000;

/** For a pass over the source to end. Long: a first one takes minutes, and nobody sits at a terminal meanwhile. */
const patienceMs = 900_000;

export function openByHand(options: ByHandOptions): ByHand {
  const queue = openByHandQueue(options);
  let worker: QueueWorker | null = null;
  return {
    queue: queue.queue,
    ask: (payload) => queue.ask(payload),
    read: (id) => queue.read(id),
    start: () => {
      worker = startByHandWorker({
        ...options,
        concurrency,
        run: (payload, view, signal) => runByHand(payload, options, queue, view, signal),
      });
    },
    stop: async (deadlineMs) => (await worker?.close(deadlineMs)) ?? true,
    close: (deadlineMs) => queue.close(deadlineMs),
  };
}

async function runByHand(
  payload: ByHandPayload,
  { deps, sentences }: ByHandOptions,
  queue: ByHandQueue,
  view: RunView,
  signal: AbortSignal,
): Promise<ByHandResult> {
  try {
    const result = await carryOut(payload, deps, queue, view, signal);
    sentences.doneByHand(payload, null);
    return result;
  } catch (error) {
    const trouble = asOperatingError(error);
    sentences.doneByHand(payload, trouble);
    throw trouble;
  }
}

async function carryOut(
  payload: ByHandPayload,
  deps: JobDeps,
  queue: ByHandQueue,
  view: RunView,
  signal: AbortSignal,
): Promise<ByHandResult> {
  view.log(`Asked for by ${payload.by}.`);
  const { by } = payload;
  const force = false;
  if (payload.task === 'undo') {
    return {
      task: 'undo',
      ...(await undo({ which: payload.which, by, force, patienceMs }, deps, view, signal)),
    };
  }
  const asked = payload.task === 'repair' ? payload : await readPlan(queue, payload.planJob);
  const { source, target, apply } = asked;
  const result = await repair(
    { source, target, apply, by, force, asFile: !apply, patienceMs },
    deps,
    view,
    signal,
  );
  view.log(describe(result));
  if (result.plan.length + result.skipped.length <= linesMax) return { task: 'repair', ...result };
  return {
    task: 'repair',
    ...result,
    plan: result.plan.slice(0, linesMax),
    skipped: result.skipped.slice(0, linesMax),
    file: null,
  };
}

type AskedRepair = Pick<PersonsPayload, 'source' | 'target' | 'apply'>;

/** Throws `not_found` when the job made no plan, or has been forgotten. */
async function readPlan(queue: ByHandQueue, id: string): Promise<AskedRepair> {
  const job = await queue.read(id);
  const result = job?.result;
  const said = typeof result === 'object' && result !== null && 'file' in result ? result.file : null;
  if (said === null) {
    throw new OperatingError(
      'not_found',
      `There is no plan of the job ${id}: it made none, has too many repairs to be carried out from here, or was ` +
        'forgotten since. Nothing was changed. Plan again.',
    );
  }
  const file = readPlanFile(JSON.stringify(said), `What the job ${id} left`);
  return { source: file.source, target: { kind: 'plan', file }, apply: true };
}

function describe({ checked, plan, skipped, report }: RepairResult): string {
  const planned = plan.filter(({ repairs }) => repairs).length;
  if (report === null) return `Judged ${checked}, planned ${planned} repairs. Nothing was changed.`;
  const { applied, superseded, failed, withheld } = report.repairs;
  return (
    `Judged ${checked}; repairs: ${applied} applied, ${superseded} superseded, ${failed} failed, ${withheld} withheld; ` +
    `${skipped.length} skipped. ${report.outcome}${report.reason === null ? '' : `: ${report.reason}`}.`
  );
}
