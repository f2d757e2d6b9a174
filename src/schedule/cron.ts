/**
 * Cron expressions: whether one is right, how far its runs lie apart, and a timer that fires at each of them.
 * Invariants kept: one fire of a task at a time; a fire that throws does not stop the next; a run that is late is fired
 * late, not dropped.
 * Does not decide whether anything comes of a fire (`scheduler.ts`), and cannot see its own clock jump (`watchdog.ts`).
 */
import { createTask, validateDetailed, type Logger, type ScheduledTask } from 'node-cron';
import type { ScheduleEvent } from './schedule-event.ts';

/** Runs that are looked at for the gaps between them: enough for every pattern within an hour. */
const runsSampled = 64;
/** After its moment a fire may be this late before it counts as overdue. */
const slackMs = 1_000;

const silent: Logger = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };

/** What is wrong with a cron expression of five or six fields, in words; null when it will do. */
export function validateSchedule(expression: string): string | null {
  const { valid, errors } = validateDetailed(expression);
  if (!valid) return errors.map(({ message }) => message).join('; ');
  try {
    measureGaps(expression, 'UTC');
    return null;
  } catch {
    return `${expression} never comes round`;
  }
}

/** The shortest and the longest time between two of the coming runs, in milliseconds. */
export function measureGaps(expression: string, timezone: string): { shortestMs: number; longestMs: number } {
  const task = createTask(expression, () => {}, { timezone, logger: silent });
  try {
    const runs = task.getNextRuns(runsSampled).map((date) => date.getTime());
    const gaps = runs.slice(1).map((run, index) => run - (runs[index] ?? run));
    return { shortestMs: Math.min(...gaps), longestMs: Math.max(...gaps) };
  } finally {
    void task.destroy();
  }
}

/** Milliseconds until a schedule comes round next, by the clock of this host. */
export function untilNextRun(expression: string, timezone: string): number {
  const task = createTask(expression, () => {}, { timezone, logger: silent });
  try {
    return (task.getNextRuns(1)[0]?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now();
  } finally {
    void task.destroy();
  }
}

/** regular: the timer. overdue: the watchdog. catch_up: a new holder, for a slot that may have been missed. */
export type FireReason = 'regular' | 'overdue' | 'catch_up';

export interface CronTimerOptions {
  readonly task: string;
  readonly schedule: string;
  readonly timezone: string;
  readonly readMonotonicMs: () => number;
  readonly onFire: (reason: FireReason) => Promise<void>;
  readonly onEvent: (event: ScheduleEvent) => void;
}

interface Fire {
  readonly sinceMs: number;
  readonly ended: Promise<void>;
}

export class CronTimer {
  readonly #options: CronTimerOptions;
  #cron: ScheduledTask | null = null;
  #fire: Fire | null = null;
  #overdueAtMs = Number.POSITIVE_INFINITY;

  constructor(options: CronTimerOptions) {
    this.#options = options;
  }

  get task(): string {
    return this.#options.task;
  }

  /** Sets the timer, anew if it was set before. */
  start(): void {
    this.stop();
    const { task, schedule, timezone } = this.#options;
    this.#cron = createTask(schedule, () => this.#tick(), {
      name: task,
      timezone,
      logger: silent,
      suppressMissedWarning: true,
      // Of several runs that were missed the last is fired, however late: slots are judged by the database's time.
      missedExecutionTolerance: Number.POSITIVE_INFINITY,
      unref: true,
    });
    void this.#cron.start();
    this.#expectNext();
  }

  /** Stops firing. A fire that is under way goes on; see `ended`. */
  stop(): void {
    void this.#cron?.destroy();
    this.#cron = null;
    this.#overdueAtMs = Number.POSITIVE_INFINITY;
  }

  /** Resolves when the fire that is under way, if any, has ended. Never rejects. */
  async ended(): Promise<void> {
    await this.#fire?.ended;
  }

  /** Fires now, unless the fire before has not ended. */
  fire(reason: FireReason): void {
    const { task, readMonotonicMs, onEvent } = this.#options;
    if (this.#fire !== null) {
      onEvent({ kind: 'fire_overlapped', task });
      return;
    }
    const fire: Fire = { sinceMs: readMonotonicMs(), ended: this.#run(reason) };
    this.#fire = fire;
    void fire.ended.then(() => {
      if (this.#fire === fire) this.#fire = null;
    });
  }

  /** True once the run after the next one should have fired too. */
  isOverdue(nowMs: number): boolean {
    return nowMs > this.#overdueAtMs;
  }

  /** For how long the fire that is under way has been running, in milliseconds; 0 when there is none. */
  firingForMs(nowMs: number): number {
    return this.#fire === null ? 0 : nowMs - this.#fire.sinceMs;
  }

  /** No longer waits for the fire that is under way. */
  abandonFire(): void {
    this.#fire = null;
  }

  #tick(): void {
    this.#expectNext();
    this.fire('regular');
  }

  async #run(reason: FireReason): Promise<void> {
    const { task, onFire, onEvent } = this.#options;
    try {
      await onFire(reason);
    } catch (error) {
      onEvent({ kind: 'fire_failed', task, reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #expectNext(): void {
    const second = this.#cron?.getNextRuns(2)[1];
    if (second === undefined) return;
    this.#overdueAtMs = this.#options.readMonotonicMs() + (second.getTime() - Date.now()) + slackMs;
  }
}
