/**
 * Takes the jobs of one queue and runs them, by a `run` that it is given.
 * Invariants kept: a payload is checked before it is used; a run is told to stop when its job is no longer this
 * worker's; closing ends within its deadline even if Redis is dead.
 * A job is run at least once, perhaps on two machines at a time: whatever must not happen twice is kept by Postgres (and,
 * for passes, the source's lease), not here.
 */
import { UnrecoverableError, Worker, MetricsTime, type Job } from 'bullmq';
import { OperatingError } from '../domain/operating-error.ts';
import { connectPatient, endRedis, withDeadline, type PatientRedis } from '../redis/connect.ts';
import { endParts, removeWaitingParts } from './job-parts.ts';
import type { QueueOptions } from './open-queue.ts';
import type { PayloadReading } from './read-payload.ts';

/** A job that has parts, as the queue of the parts has to name it. */
export interface WholeJob {
  readonly id: string;
  /** The queue of the whole, with its prefix. */
  readonly queue: string;
}

/** What a run may show of itself on the dashboard. Neither waits nor fails when Redis is away. */
export interface RunView {
  log(line: string): void;
  progress(state: object): void;
  /** The job, for jobs that are parts of it. It ends after them: those that nobody has begun by then are removed. */
  asWhole(): WholeJob;
}

/** Runs one job and returns what the dashboard shows as its result. Stops soon after `signal` aborts. */
export type RunJob<Payload> = (payload: Payload, view: RunView, signal: AbortSignal) => Promise<object>;

/** What the jobs of a queue are. */
export interface Work<Payload> {
  readonly queueName: string;
  readonly read: (data: unknown) => PayloadReading<Payload>;
  /** A job in words, such as `the pass over gifts`. */
  readonly nameOf: (payload: Payload) => string;
  /** False: a job that was begun is never begun anew, though nothing more is heard of its worker; it fails instead. */
  readonly isRunAgain: boolean;
}

/** Why a job failed that was begun and is not run again. */
export const begunBefore = 'job started more than allowable limit';

export interface WorkerOptions<Payload> extends QueueOptions {
  readonly run: RunJob<Payload>;
  /** Jobs that may run at a time in this process. */
  readonly concurrency: number;
  /** After how long without a sign of life a worker's job is given to another, in milliseconds; 15,000 unless given. */
  readonly stallAfterMs?: number;
  /** A run that takes longer is told to stop, and a minute later no longer waited for; 30 minutes unless given. */
  readonly runLimitMs?: number;
}

export interface QueueWorker {
  /** Runs under way. */
  running(): number;
  /**
   * Takes no more jobs, tells runs to stop, waits for them, and closes. Ends within `deadlineMs` and never throws;
   * false when something was still under way, which is then cut off: the caller should exit.
   */
  close(deadlineMs: number): Promise<boolean>;
}

const defaultRunLimitMs = 30 * 60_000;
const stopGraceMs = 60_000;

/** As long as a lease lives: a source whose worker was killed is judged again soon after. */
const defaultStallAfterMs = 15_000;
/** For the parts of a job whose worker is told to stop. */
const partsStopMs = 5_000;

/** Stalls that are forgiven: running again is harmless. */
const stallsMax = 2;

export function startQueueWorker<Payload>(work: Work<Payload>, options: WorkerOptions<Payload>): QueueWorker {
  return new RunningWorker(work, options);
}

class RunningWorker<Payload> implements QueueWorker {
  readonly #work: Work<Payload>;
  readonly #options: WorkerOptions<Payload>;
  readonly #redis: PatientRedis;
  readonly #worker: Worker;
  readonly #closing = new AbortController();
  readonly #runs = new Set<Promise<object>>();

  constructor(work: Work<Payload>, options: WorkerOptions<Payload>) {
    this.#work = work;
    this.#options = options;
    const { url, prefix, concurrency, onEvent } = options;
    const stallAfterMs = this.#stallAfterMs;
    const tell = (reason: string): void => onEvent({ kind: 'queue_trouble', reason });
    this.#redis = connectPatient(url, { onError: ({ message }) => tell(message) });
    // Three parameters are what makes the library give a signal.
    const process = async (job: Job, _token?: string, signal?: AbortSignal): Promise<object> =>
      this.#process(job, signal);
    this.#worker = new Worker(work.queueName, process, {
      connection: this.#redis,
      prefix,
      concurrency,
      lockDuration: stallAfterMs,
      stalledInterval: stallAfterMs / 2,
      maxStalledCount: stallsMax,
      ...(work.isRunAgain ? {} : { maxStartedAttempts: 1 }),
      runRetryDelay: 1_000,
      metrics: { maxDataPoints: MetricsTime.ONE_WEEK },
    });
    this.#listen();
  }

  get #stallAfterMs(): number {
    return this.#options.stallAfterMs ?? defaultStallAfterMs;
  }

  running(): number {
    return this.#runs.size;
  }

  async close(deadlineMs: number): Promise<boolean> {
    const untilMs = performance.now() + deadlineMs;
    this.#closing.abort(new OperatingError('aborted', 'The worker is shutting down.'));
    const closed = this.#worker.close();
    const runsEnded = Promise.allSettled(this.#runs);
    const calm = await inTime(runsEnded, untilMs - performance.now());
    // Without a connection the library's own close never ends: it is given a moment only.
    const leftMs = Math.max(0, untilMs - performance.now()) * 0.8;
    const clean = await inTime(closed, this.#redis.status === 'ready' ? leftMs : Math.min(leftMs, 500));
    if (!clean) this.#redis.cut();
    await endRedis(this.#redis, Math.max(0, untilMs - performance.now()));
    return calm && clean;
  }

  #listen(): void {
    const { onEvent } = this.#options;
    const worker = this.#worker;
    worker.on('error', (error) => {
      // Connection trouble was told by the connection itself.
      if (!isConnectionTrouble(error)) onEvent({ kind: 'queue_trouble', reason: error.message });
    });
    worker.on('failed', (job, error) => {
      // Trouble of a store was told by the run itself, with its source.
      if (error instanceof UnrecoverableError || error instanceof OperatingError) return;
      onEvent({ kind: 'job_failed', jobId: nameOf(job?.id), reason: error.message });
    });
    const { isRunAgain } = this.#work;
    worker.on('stalled', (jobId) => onEvent({ kind: 'job_stalled', jobId: nameOf(jobId), isRunAgain }));
    worker.on('lockRenewalFailed', (jobIds) => {
      for (const jobId of jobIds) {
        onEvent({ kind: 'job_lock_lost', jobId: nameOf(jobId) });
        worker.cancelJob(jobId, 'the job is no longer this worker’s');
      }
    });
  }

  async #process(job: Job, lost?: AbortSignal): Promise<object> {
    const reading = this.#work.read(job.data);
    if (reading.kind === 'refused') {
      this.#options.onEvent({ kind: 'job_refused', jobId: nameOf(job.id), reason: reading.reason });
      throw new UnrecoverableError(`Refused, nothing was run: ${reading.reason}`);
    }
    const limitMs = this.#options.runLimitMs ?? defaultRunLimitMs;
    const signals = [
      this.#closing.signal,
      AbortSignal.timeout(limitMs),
      ...(lost === undefined ? [] : [lost]),
    ];
    // A job that is begun anew may have parts of the time before.
    let isWhole = job.attemptsStarted > 1;
    const view = this.#viewOf(job, () => {
      isWhole = true;
    });
    const run = this.#options.run(reading.payload, view, AbortSignal.any(signals));
    this.#runs.add(run);
    try {
      const what = `waiting for ${this.#work.nameOf(reading.payload)}`;
      const result = await withDeadline(run, limitMs + stopGraceMs, what);
      if (isWhole)
        await endParts(job, () => (this.#closing.signal.aborted ? partsStopMs : 2 * this.#stallAfterMs));
      return result;
    } catch (error) {
      if (isWhole) await Promise.allSettled([removeWaitingParts(job)]);
      throw error;
    } finally {
      this.#runs.delete(run);
    }
  }

  #viewOf(job: Job, onWhole: () => void): RunView {
    const redis = this.#redis;
    // Lost lines are no harm; lines that pile up while Redis is away would be.
    const show = (work: () => Promise<unknown>): void => {
      if (redis.status === 'ready') work().catch(() => {});
    };
    return {
      log: (line) => show(async () => job.log(line)),
      progress: (state) => show(async () => job.updateProgress(state)),
      asWhole: () => {
        onWhole();
        return { id: job.id ?? '', queue: job.queueQualifiedName };
      },
    };
  }
}

/** For sentences. Ours are words; anyone with access to the queue's Redis can give a job any other. */
function nameOf(jobId: string | undefined): string {
  return jobId !== undefined && /^[\w.-]{1,300}$/.test(jobId) ? jobId : 'of a name that is not ours';
}

function isConnectionTrouble(error: Error): boolean {
  return /ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|Connection is closed|Socket (closed|timeout)/.test(
    `${'code' in error ? String(error.code) : ''} ${error.message}`,
  );
}

async function inTime(work: Promise<unknown>, deadlineMs: number): Promise<boolean> {
  const [result] = await Promise.allSettled([withDeadline(work, Math.max(0, deadlineMs), 'closing')]);
  return result.status === 'fulfilled';
}
