/**
 * Watches the timers by the monotonic clock, which cannot be set: cron timers go silent when the wall clock is set back
 * and a fire that hangs would keep all later ones out.
 * Invariant kept: a task fires again within two of its intervals, whatever the wall clock does.
 * Does not look at what comes of a fire.
 */
import type { ClockReading } from '../domain/lease-trust.ts';
import type { CronTimer } from './cron.ts';
import type { ScheduleEvent } from './schedule-event.ts';

export interface WatchdogOptions {
  readonly timers: readonly CronTimer[];
  readonly readClocks: () => ClockReading;
  /** A fire that takes longer is given up: claiming and enqueuing have deadlines far below it. */
  readonly fireLimitMs: number;
  readonly onEvent: (event: ScheduleEvent) => void;
}

const everyMs = 1_000;
/** The two clocks may drift apart by this much between two looks: more is a jump, not slewing. */
const driftMaxMs = 2_000;

export class Watchdog {
  readonly #options: WatchdogOptions;
  #interval: NodeJS.Timeout | undefined;
  #last: ClockReading;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#last = options.readClocks();
  }

  start(): void {
    this.stop();
    this.#interval = setInterval(() => this.look(), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#interval);
  }

  /** One round. */
  look(): void {
    const now = this.#options.readClocks();
    this.#lookForJump(now);
    for (const timer of this.#options.timers) {
      this.#lookForHang(timer, now.monotonicMs);
      this.#lookForSilence(timer, now.monotonicMs);
    }
  }

  #lookForJump(now: ClockReading): void {
    const { timers, onEvent } = this.#options;
    const byMs = now.wallMs - this.#last.wallMs - (now.monotonicMs - this.#last.monotonicMs);
    this.#last = now;
    if (Math.abs(byMs) <= driftMaxMs) return;
    onEvent({ kind: 'clock_jumped', byMs });
    for (const timer of timers) timer.start();
  }

  #lookForHang(timer: CronTimer, nowMs: number): void {
    const { fireLimitMs, onEvent } = this.#options;
    const forMs = timer.firingForMs(nowMs);
    if (forMs <= fireLimitMs) return;
    timer.abandonFire();
    onEvent({ kind: 'fire_hung', task: timer.task, forMs });
  }

  #lookForSilence(timer: CronTimer, nowMs: number): void {
    if (!timer.isOverdue(nowMs)) return;
    this.#options.onEvent({ kind: 'fire_overdue', task: timer.task });
    timer.start();
    timer.fire('overdue');
  }
}
