/**
 * The daemon: dashboard, upkeep, workers, schedule, opened in this order and closed in reverse.
 * Invariants kept: nothing that writes is opened before configuration, schema and tables are in order; the workers'
 * leases are given back after their work has ended; stopping never hangs on a dead store.
 */
import type { Config } from '../config.ts';
import { createMetrics, type Metrics } from '../http/metrics.ts';
import { startHttp } from '../http/server.ts';
import { withDeadline } from '../redis/connect.ts';
import { readOverview } from '../postgres/overview.ts';
import type { QueueOptions } from '../schedule/open-queue.ts';
import { startPassWorker } from '../schedule/pass-worker.ts';
import type { ScheduleEvent } from '../schedule/schedule-event.ts';
import { startScheduler } from '../schedule/scheduler.ts';
import { describeQueues } from './board-queues.ts';
import { openDesk } from './operator-desk.ts';
import { openQueues, type DaemonQueues } from './daemon-queues.ts';
import { startChunkWork } from './chunk-work.ts';
import { sentencesOf, type Sentences } from './log-sentences.ts';
import type { Logger } from './log.ts';
import { openDeps, type OpenDeps } from './open-deps.ts';
import { OpenParts } from './open-parts.ts';
import { readReadiness } from './readiness.ts';
import { openReportDesk } from './report-desk.ts';
import { runScheduledPass } from './scheduled-pass.ts';
import { untilStoresReady } from './stores-ready.ts';
import { untilAborted } from './until-aborted.ts';
import { startUpkeep } from './upkeep.ts';
import { measureIndexes, watchCanary } from './watched-deps.ts';

export interface Daemon {
  /** Where the dashboard is. */
  readonly url: string;
  /** Resolves when everything has ended after the signal; false when work had to be cut off. */
  readonly stopped: Promise<boolean>;
}

/** Together below the entry point's own deadline. */
const workerStopMs = 15_000;
const partStopMs = 3_000;

/** Passes of different sources that may run at a time in one process. */
const concurrency = 4;

/**
 * Resolves when the daemon works. Throws `configuration` or `not_ready` with all problems, and then leaves nothing
 * open. While a store cannot be reached it goes on trying; `/livez` and `/readyz` answer meanwhile.
 * @param namespace what our own keys in Redis begin with; daemons of one deployment share it
 */
export async function startDaemon(
  config: Config,
  log: Logger,
  signal: AbortSignal,
  namespace?: string,
): Promise<Daemon> {
  const parts = new OpenParts();
  try {
    const deps = await openDeps(config, sentencesOf(log), namespace);
    parts.add(() => deps.close());
    return await open(config, deps, log, parts, signal);
  } catch (error) {
    await parts.close();
    throw error;
  }
}

async function open(
  config: Config,
  deps: OpenDeps,
  log: Logger,
  parts: OpenParts,
  signal: AbortSignal,
): Promise<Daemon> {
  const sentences = sentencesOf(log);
  const sources = config.sources.map(({ name }) => name);
  const overview = () => readOverview(deps.pool, config.sources);
  const openClaims = () => measureIndexes(deps);
  const metrics = createMetrics({ sources, overview, openClaims, canary: watchCanary(deps, config.canary) });
  const onEvent = (event: ScheduleEvent): void => tell(event, sentences, metrics);
  const queue = { url: config.queueRedis.url, prefix: queuePrefix(deps), onEvent };
  const queues = openQueues(config, { deps, queue, sentences, metrics }, parts, partStopMs);
  const { delivery, canary } = queues;
  const state = { working: false };
  const readiness = () => readReadiness(deps, state.working);
  const takeReport = openReportDesk(deps, (source) => metrics.reportStored(source));
  const http = await startHttp({
    ...config.http,
    queues: describeQueues(queues),
    overview,
    readiness,
    desk: openDesk(queues.deps, queues.passes, queues.byHand),
    runbook: config.alerts.runbook,
    takeReport,
    metrics,
    log,
  });
  parts.add(() => http.close());
  await untilStoresReady(deps, sentences, signal, () => delivery.plan());
  const upkeep = startUpkeep(deps, sentences, {
    enqueueDue: () => delivery.enqueueDue(),
    judgeCanary: () => canary.judge(),
  });
  parts.add(() => Promise.allSettled([withDeadline(upkeep.stop(), partStopMs, 'stopping the upkeep')]));
  delivery.start();
  canary.start();
  const cutOff = openWork(config, queues, queue, parts);
  state.working = true;
  sentences.started(http.url, sources);
  const stopped = untilAborted(signal).then(async (reason) => {
    state.working = false;
    sentences.stopping(reason);
    await parts.close();
    sentences.stopped();
    return !cutOff();
  });
  return { url: http.url, stopped };
}

/** The workers, then the schedule, which is closed first. Returns whether work had to be cut off when they were closed. */
function openWork(
  config: Config,
  queues: DaemonQueues,
  queue: QueueOptions,
  parts: OpenParts,
): () => boolean {
  const { deps, passes, chunks, rechecks, byHand, canary, tellers } = queues;
  const passDeps = { ...tellers, deps, chunks, rechecks };
  let wasCutOff = false;
  const worker = startPassWorker({
    ...queue,
    concurrency,
    run: (payload, view, stop) => runScheduledPass(payload, passDeps, view, stop),
  });
  const chunkWorker = startChunkWork({ ...queue, ...passDeps });
  rechecks.start();
  byHand.start();
  parts.add(async () => {
    const stops = [worker, chunkWorker].map((one) => one.close(workerStopMs));
    const ended = await Promise.all([...stops, rechecks.stop(workerStopMs), byHand.stop(workerStopMs)]);
    wasCutOff = ended.includes(false);
  });
  const scheduler = startScheduler({
    ...deps,
    leaseKey: `${deps.namespace}:lease:scheduler`,
    timezone: config.timezone,
    tasks: [...deps.sources, ...canary.tasks],
    enqueue: canary.enqueueOr((pass) => passes.enqueuePass(pass)),
    onEvent: queue.onEvent,
  });
  parts.add(() => scheduler.close(partStopMs));
  return () => wasCutOff;
}

/** What the keys of the queue of a namespace begin with. */
export function queuePrefix({ namespace }: Pick<OpenDeps, 'namespace'>): string {
  return `${namespace}:queue`;
}

function tell(event: ScheduleEvent, sentences: Sentences, metrics: Metrics): void {
  sentences.schedule(event);
  if (event.kind === 'slot_skipped') metrics.slotSkipped(event.task);
  if (event.kind === 'term_began') metrics.leaseHeld(true);
  if (event.kind === 'term_ended') metrics.leaseHeld(false);
}
