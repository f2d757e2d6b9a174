/**
 * What a daemon does beside its passes: samples the horizon often enough for the shortest grace period, enqueues what is
 * to be told to receivers of alerts, looks after the canary, and drops old records once an hour. Every replica does all of it; doing it twice is
 * harmless.
 */
import { silentReporter } from '../../jobs/job.ts';
import { run as runHousekeeping } from '../../jobs/housekeeping.ts';
import { sampleHorizon } from '../postgres/horizon.ts';
import type { Sentences } from './log-sentences.ts';
import type { OpenDeps } from './open-deps.ts';

export interface Upkeep {
  /** Resolves when what was under way has ended. */
  stop(): Promise<void>;
}

const sampleMinMs = 1_000;
const sampleMaxMs = 15_000;
/** People are told soon, and what the queue lost is back as soon. */
const deliveryMs = 2_000;
/** A round lasts for minutes. */
const canaryMs = 2_000;
const housekeepingMs = 60 * 60_000;

export interface UpkeepWork {
  /** Enqueues the alerts that are to be told now. */
  readonly enqueueDue: () => Promise<void>;
  /** Looks what became of the rounds of the canary. */
  readonly judgeCanary: () => Promise<void>;
}

export function startUpkeep(deps: OpenDeps, sentences: Sentences, work: UpkeepWork): Upkeep {
  const graceMs = Math.min(...deps.sources.map(({ rules }) => rules.graceMs));
  const sampleMs = Math.min(sampleMaxMs, Math.max(sampleMinMs, graceMs / 4));
  const stops = [
    repeat(sampleMs, async () => void (await sampleHorizon(deps.pool, 0)), 'sampling the horizon', sentences),
    repeat(deliveryMs, work.enqueueDue, 'delivery of alerts', sentences),
    repeat(canaryMs, work.judgeCanary, 'looking after the canary', sentences),
    repeat(
      housekeepingMs,
      async () => {
        const { dropped } = await runHousekeeping({}, deps, silentReporter);
        if (dropped > 0) sentences.housekept(dropped);
      },
      'dropping old records',
      sentences,
    ),
  ];
  return {
    async stop() {
      await Promise.all(stops.map((stop) => stop()));
    },
  };
}

/** Runs `work` now and again after each pause; never two at a time. Trouble is tried again, and told when it is new. */
function repeat(
  pauseMs: number,
  work: () => Promise<void>,
  what: string,
  sentences: Sentences,
): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let told = '';
  const turn = async (): Promise<void> => {
    try {
      await work();
      told = '';
    } catch (error) {
      const trouble = error instanceof Error ? error : new Error(String(error));
      if (trouble.message !== told) sentences.trouble(what, trouble);
      told = trouble.message;
    }
    if (stopped) return;
    timer = setTimeout(() => {
      running = turn();
    }, pauseMs);
  };
  let running = turn();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}
