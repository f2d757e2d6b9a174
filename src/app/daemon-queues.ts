/**
 * The queues of a daemon, and what is told of their jobs: opened before anything is taken from them, so that the dashboard
 * shows them while the stores are waited for.
 * Takes no job: see `daemon.ts`.
 */
import type { Config } from '../config.ts';
import type { Metrics } from '../http/metrics.ts';
import { openChunkQueue, type ChunkQueue } from '../schedule/chunk-queue.ts';
import type { QueueOptions } from '../schedule/open-queue.ts';
import { openPassQueue, type PassQueue } from '../schedule/pass-queue.ts';
import { openAlertDelivery, type AlertDelivery } from './alert-delivery.ts';
import { AlertTeller } from './alert-teller.ts';
import { openByHand, type ByHand } from './by-hand.ts';
import { openCanary, type Canary } from './canary.ts';
import type { Sentences } from './log-sentences.ts';
import type { OpenDeps } from './open-deps.ts';
import type { OpenParts } from './open-parts.ts';
import { openRechecks, type Rechecks } from './rechecks.ts';
import type { PassTellers } from './tell-pass.ts';
import { watchDeps } from './watched-deps.ts';

export interface DaemonQueues {
  readonly passes: PassQueue;
  readonly chunks: ChunkQueue;
  readonly rechecks: Rechecks;
  readonly byHand: ByHand;
  readonly delivery: AlertDelivery;
  readonly canary: Canary;
  /** With what passes use counted in the metrics. */
  readonly deps: OpenDeps;
  readonly tellers: PassTellers;
}

/** @param closeMs for each of them, when `parts` are closed */
export function openQueues(
  config: Config,
  { deps, queue, sentences, metrics }: DaemonQueueOptions,
  parts: OpenParts,
  closeMs: number,
): DaemonQueues {
  const watched = watchDeps(deps, metrics);
  const tellers = { sentences, metrics, teller: new AlertTeller(deps.pool, sentences) };
  const common = { ...queue, ...tellers, deps: watched };
  const closed = <Part extends { close(deadlineMs: number): Promise<void> }>(part: Part): Part => {
    parts.add(() => part.close(closeMs));
    return part;
  };
  return {
    passes: closed(openPassQueue(queue)),
    chunks: closed(openChunkQueue(queue)),
    rechecks: closed(openRechecks({ ...common, timezone: config.timezone })),
    byHand: closed(openByHand(common)),
    delivery: closed(openAlertDelivery({ ...config.alerts, ...queue, pool: deps.pool, sentences })),
    canary: closed(openCanary({ ...common, rules: config.canary, deps })),
    deps: watched,
    tellers,
  };
}

export interface DaemonQueueOptions {
  readonly deps: OpenDeps;
  readonly queue: QueueOptions;
  readonly sentences: Sentences;
  readonly metrics: Metrics;
}
