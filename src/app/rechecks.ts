/**
 * Rechecks of a daemon: where the next pass of a source is far off, what waits is looked at when its time comes.
 * Invariants kept: a recheck neither begins shortly before a pass nor goes on into it; what is not arranged, or lost, is left
 * to the next pass.
 */
import { run as runRecheck } from '../../jobs/recheck.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { untilNextCheck } from '../postgres/due-again.ts';
import { findSource } from '../reconcile/under-term.ts';
import { untilNextRun } from '../schedule/cron.ts';
import type { QueueOptions } from '../schedule/open-queue.ts';
import { openRecheckQueue, startRecheckWorker, type RecheckQueue } from '../schedule/recheck-queue.ts';
import type { QueueWorker } from '../schedule/queue-worker.ts';
import type { OpenDeps } from './open-deps.ts';
import { tellPass, type PassTellers } from './tell-pass.ts';

export interface Rechecks {
  /** For the dashboard. */
  readonly queue: RecheckQueue['queue'];
  /** Arranges the next recheck of a source, if one is worth it. Never throws: trouble is told. */
  arrange(source: string): Promise<void>;
  start(): void;
  stop(deadlineMs: number): Promise<boolean>;
  close(deadlineMs: number): Promise<void>;
}

export interface RecheckOptions extends QueueOptions, PassTellers {
  readonly deps: OpenDeps;
  /** In which schedules are read. */
  readonly timezone: string;
}

/** A recheck has at least so long before the next pass; where it would have less, the pass does it. */
const roomMs = 15_000;
/** It ends so long before the pass. */
const marginMs = 2_000;
const longestMs = 30 * 60_000;

export function openRechecks(options: RecheckOptions): Rechecks {
  const { deps, timezone, sentences } = options;
  const queue = openRecheckQueue(options);
  let worker: QueueWorker | null = null;
  const untilPassMs = (source: string): number =>
    untilNextRun(findSource(deps.sources, source).schedule, timezone);
  const arrange = async (source: string): Promise<void> => {
    try {
      const waitsMs = await untilNextCheck(deps.pool, source);
      if (waitsMs === null || waitsMs + roomMs > untilPassMs(source)) return;
      await queue.enqueueRecheck(source, waitsMs);
    } catch (error) {
      sentences.trouble('arranging a recheck', asOperatingError(error));
    }
  };
  return {
    queue: queue.queue,
    arrange,
    start: () => {
      worker = startRecheckWorker({
        ...options,
        concurrency: 1,
        run: async (payload, view, signal) => {
          const leftMs = untilPassMs(payload.source) - marginMs;
          if (leftMs <= 0) return { skipped: 'The next pass comes now, and looks itself.' };
          const limited = AbortSignal.any([signal, AbortSignal.timeout(Math.min(leftMs, longestMs))]);
          const done = await tellPass(payload.source, options, view, limited, () =>
            runRecheck(payload, deps, view, limited),
          );
          if ('outcome' in done && done.outcome === 'completed') await arrange(payload.source);
          return done;
        },
      });
    },
    stop: async (deadlineMs) => worker?.close(deadlineMs) ?? true,
    close: async (deadlineMs) => queue.close(deadlineMs),
  };
}
