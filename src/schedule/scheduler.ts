/**
 * Hands out slots: every replica runs it, all their timers fire, and only the holder of the lease makes something of a
 * fire. It claims the slot in Postgres first and enqueues a pass second.
 * Invariants kept: each slot is enqueued at most once, under any number of replicas; a holder that cannot reach Postgres
 * or the queue makes way for one that can.
 * Does not run passes, and knows nothing of what they do.
 */
import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { ClockReading, LeaseTiming } from '../domain/lease-trust.ts';
import { claimSlot } from '../postgres/slot.ts';
import { CronTimer, measureGaps, type FireReason } from './cron.ts';
import { enqueueInTime, type Enqueue } from './enqueue-in-time.ts';
import type { ScheduleEvent } from './schedule-event.ts';
import { TermKeeper, type Term } from './term-keeper.ts';
import { Watchdog } from './watchdog.ts';

export interface SchedulerOptions {
  /** A strict connection to the Redis that holds leases. */
  readonly leases: Redis;
  readonly pool: pg.Pool;
  /** For example `claim-reconciler:lease:scheduler`; the same for all replicas. */
  readonly leaseKey: string;
  /** Who this is, for people: host and process id. */
  readonly holder: string;
  readonly timing?: LeaseTiming;
  readonly timezone: string;
  readonly tasks: readonly ScheduledTask[];
  readonly enqueue: Enqueue;
  readonly onEvent: (event: ScheduleEvent) => void;
  /** Reads both clocks; given by tests. */
  readonly readClocks?: () => ClockReading;
}

/** The passes over a source; or something else that has slots, under a name that no source can have. */
export interface ScheduledTask {
  readonly name: string;
  readonly schedule: string;
  /** A slot is offered at every fire, and taken once the last is so old; without it at every fire. */
  readonly everyMs?: number;
}

/** Since the start, of this process. */
export interface SchedulerCounts {
  readonly enqueued: number;
  /** The pass before had not ended. */
  readonly skipped: number;
  /** Another fire had the slot already. */
  readonly taken: number;
  /** Not claimed, or claimed and not enqueued. */
  readonly failed: number;
}

export interface Scheduler {
  /** True while this process is the one that enqueues. */
  isHolder(): boolean;
  counts(): SchedulerCounts;
  /** Stops firing, waits for the fires under way and gives the lease back, all within `deadlineMs`. Never throws. */
  close(deadlineMs: number): Promise<void>;
}

interface Task {
  readonly name: string;
  readonly shortestGapMs: number;
  /** No slot is handed out this close to another: at a fire, and at one that makes good what may have been missed. */
  readonly minGapMs: number;
  readonly catchUpGapMs: number;
}

/** Failures in a row after which the holder makes way. */
const failuresMax = 3;
/** Claiming and enqueuing have deadlines below this. */
const fireLimitMs = 120_000;
/** How long the end of a term waits for fires under way. */
const endWaitMs = 10_000;

export function startScheduler(options: SchedulerOptions): Scheduler {
  return new RunningScheduler(options);
}

class RunningScheduler implements Scheduler {
  readonly #options: SchedulerOptions;
  readonly #timers: readonly CronTimer[];
  readonly #keeper: TermKeeper;
  readonly #watchdog: Watchdog;
  readonly #counts = { enqueued: 0, skipped: 0, taken: 0, failed: 0 };
  readonly #closing = new AbortController();
  #failuresInARow = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const readClocks = options.readClocks ?? readSystemClocks;
    const { onEvent, tasks } = options;
    this.#timers = tasks.map((task) => this.#timerOf(task, readClocks));
    this.#watchdog = new Watchdog({ timers: this.#timers, readClocks, fireLimitMs, onEvent });
    this.#keeper = new TermKeeper({
      ...options,
      onTerm: () => this.#catchUp(),
      workEnded: async () => this.#firesEnded(),
    });
    for (const timer of this.#timers) timer.start();
    this.#watchdog.start();
  }

  isHolder(): boolean {
    return this.#keeper.current() !== null;
  }

  counts(): SchedulerCounts {
    return { ...this.#counts };
  }

  async close(deadlineMs: number): Promise<void> {
    this.#watchdog.stop();
    for (const timer of this.#timers) timer.stop();
    this.#closing.abort();
    await within(this.#keeper.close(), deadlineMs);
  }

  #timerOf({ name, schedule, everyMs }: ScheduledTask, readClocks: () => ClockReading): CronTimer {
    const { timezone, onEvent } = this.#options;
    const gaps = measureGaps(schedule, timezone);
    const halfGapMs = gaps.shortestMs / 2;
    const task: Task = {
      name,
      shortestGapMs: gaps.shortestMs,
      minGapMs: everyMs === undefined ? halfGapMs : Math.max(halfGapMs, everyMs - halfGapMs),
      catchUpGapMs: everyMs ?? gaps.longestMs,
    };
    return new CronTimer({
      task: name,
      schedule,
      timezone,
      readMonotonicMs: () => readClocks().monotonicMs,
      onFire: async (reason) => this.#onFire(task, reason),
      onEvent,
    });
  }

  /** A new holder makes good what was missed while there was none: a task without a slot for a whole interval. */
  #catchUp(): void {
    this.#failuresInARow = 0;
    for (const timer of this.#timers) timer.fire('catch_up');
  }

  /** Or no longer waited for: what a fire may still do is allowed by the ledger, not by the lease. */
  async #firesEnded(): Promise<void> {
    await within(Promise.all(this.#timers.map(async (timer) => timer.ended())), endWaitMs);
  }

  async #onFire(task: Task, reason: FireReason): Promise<void> {
    const term = this.#keeper.current();
    if (term === null || this.#closing.signal.aborted) return;
    try {
      const done = await this.#handOut(task, term, reason);
      this.#count(done);
    } catch (error) {
      this.#count('failed');
      throw error;
    }
  }

  async #handOut(task: Task, term: Term, reason: FireReason): Promise<keyof SchedulerCounts> {
    const { pool, holder, onEvent } = this.#options;
    term.lease.guard();
    const claim = await claimSlot(pool, {
      task: task.name,
      minGapMs: reason === 'catch_up' ? task.catchUpGapMs : task.minGapMs,
      holder,
      fencingToken: term.fencingToken,
    });
    switch (claim.kind) {
      case 'claimed':
        return this.#enqueue(task, claim.slot);
      case 'taken':
        onEvent({ kind: 'slot_taken', task: task.name, slot: claim.slot, holder: claim.holder });
        return 'taken';
      case 'fenced_out':
        this.#keeper.stepDown(`${claim.holder} holds a newer term (${claim.newestToken}).`);
        return 'taken';
    }
  }

  /** The row in the ledger is what allows it, not the lease: nobody else can ever enqueue this slot. */
  async #enqueue(task: Task, slot: Date): Promise<keyof SchedulerCounts> {
    const { enqueue, onEvent } = this.#options;
    const pass = { source: task.name, slot };
    try {
      const result = await enqueueInTime(enqueue, pass, task.shortestGapMs / 2, this.#closing.signal);
      onEvent({ kind: `slot_${result}`, task: task.name, slot });
      return result;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      onEvent({ kind: 'slot_lost', task: task.name, slot, reason });
      return 'failed';
    }
  }

  /** A holder that fails again and again makes way: another may reach what this one cannot. */
  #count(done: keyof SchedulerCounts): void {
    this.#counts[done] += 1;
    this.#failuresInARow = done === 'failed' ? this.#failuresInARow + 1 : 0;
    if (this.#failuresInARow < failuresMax) return;
    this.#keeper.stepDown(
      `handing out slots failed ${this.#failuresInARow} times in a row; another may do better.`,
    );
  }
}

function readSystemClocks(): ClockReading {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}

async function within(work: Promise<unknown>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  await Promise.race([work.catch(() => {}), deadline]);
  clearTimeout(timer);
}
