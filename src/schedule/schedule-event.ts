/**
 * Everything that happens in scheduling, as values, and the one place that turns them into sentences.
 * Does not log: whoever starts the scheduler decides where sentences go.
 */

export type ScheduleEvent =
  | { readonly kind: 'term_began'; readonly lease: string; readonly fencingToken: string }
  | { readonly kind: 'term_ended'; readonly lease: string; readonly reason: string }
  | { readonly kind: 'lease_unavailable'; readonly reason: string }
  | { readonly kind: 'lease_stuck'; readonly reason: string }
  | { readonly kind: 'slot_enqueued'; readonly task: string; readonly slot: Date }
  | { readonly kind: 'slot_skipped'; readonly task: string; readonly slot: Date }
  | { readonly kind: 'slot_taken'; readonly task: string; readonly slot: Date; readonly holder: string }
  | { readonly kind: 'slot_lost'; readonly task: string; readonly slot: Date; readonly reason: string }
  | { readonly kind: 'fire_failed'; readonly task: string; readonly reason: string }
  | { readonly kind: 'fire_overlapped'; readonly task: string }
  | { readonly kind: 'fire_hung'; readonly task: string; readonly forMs: number }
  | { readonly kind: 'fire_overdue'; readonly task: string }
  | { readonly kind: 'clock_jumped'; readonly byMs: number }
  | { readonly kind: 'job_refused'; readonly jobId: string; readonly reason: string }
  | { readonly kind: 'job_failed'; readonly jobId: string; readonly reason: string }
  | { readonly kind: 'job_stalled'; readonly jobId: string; readonly isRunAgain: boolean }
  | { readonly kind: 'job_lock_lost'; readonly jobId: string }
  | { readonly kind: 'queue_trouble'; readonly reason: string };

export interface Sentence {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
}

export function describeScheduleEvent(event: ScheduleEvent): Sentence {
  switch (event.kind) {
    case 'term_began':
      return info(
        `This process schedules now: it holds ${event.lease}, fencing token ${event.fencingToken}.`,
      );
    case 'term_ended':
      return info(`This process no longer schedules: ${event.reason}`);
    case 'lease_unavailable':
      return warn(`The lease to schedule cannot be had, still trying: ${event.reason}`);
    case 'lease_stuck':
      return error(event.reason);
    case 'slot_enqueued':
      return { level: 'debug', text: `Enqueued ${slotOf(event)}.` };
    case 'slot_skipped':
      return warn(`Skipped ${slotOf(event)}: the pass before it has not ended.`);
    case 'slot_taken':
      return {
        level: 'debug',
        text: `Nothing to do: ${slotOf(event)} was handed out already, by ${event.holder}.`,
      };
    case 'slot_lost':
      return error(
        `Could not enqueue ${slotOf(event)}: ${event.reason} The next slot makes it good; no row is passed over.`,
      );
    case 'fire_failed':
    case 'fire_overlapped':
    case 'fire_hung':
    case 'fire_overdue':
    case 'clock_jumped':
      return describeFireTrouble(event);
    case 'job_refused':
    case 'job_failed':
    case 'job_stalled':
    case 'job_lock_lost':
    case 'queue_trouble':
      return describeQueueTrouble(event);
  }
}

type FireTrouble = Extract<ScheduleEvent, { kind: `fire_${string}` | 'clock_jumped' }>;

function describeFireTrouble(event: FireTrouble): Sentence {
  switch (event.kind) {
    case 'fire_failed':
      return error(`A fire of ${event.task} failed, nothing was enqueued: ${event.reason}`);
    case 'fire_overlapped':
      return warn(`A fire of ${event.task} was dropped: the one before it has not ended.`);
    case 'fire_hung':
      return error(
        `A fire of ${event.task} has hung for ${seconds(event.forMs)} and is no longer waited for.`,
      );
    case 'fire_overdue':
      return warn(`No fire of ${event.task} for two intervals: its timer is set anew, and it fires now.`);
    case 'clock_jumped':
      return warn(`The clock of this host jumped by ${seconds(event.byMs)}: all timers are set anew.`);
  }
}

type QueueTrouble = Extract<ScheduleEvent, { kind: `job_${string}` | 'queue_trouble' }>;

function describeQueueTrouble(event: QueueTrouble): Sentence {
  switch (event.kind) {
    case 'job_refused':
      return error(`Job ${event.jobId} was refused and not run: ${event.reason}`);
    case 'job_failed':
      return error(`Job ${event.jobId} failed: ${event.reason}`);
    case 'job_stalled':
      return warn(
        `Job ${event.jobId} stalled: its worker died or was blocked. It is ${event.isRunAgain ? 'run again, which is harmless' : 'not run again: whoever asked for it is told'}.`,
      );
    case 'job_lock_lost':
      return warn(`Job ${event.jobId} is no longer this worker's: it stops at the next batch.`);
    case 'queue_trouble':
      return warn(`The queue: ${event.reason}`);
  }
}

function slotOf(event: { readonly task: string; readonly slot: Date }): string {
  return `slot ${event.slot.toISOString()} of ${event.task}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function info(text: string): Sentence {
  return { level: 'info', text };
}

function warn(text: string): Sentence {
  return { level: 'warn', text };
}

function error(text: string): Sentence {
  return { level: 'error', text };
}
