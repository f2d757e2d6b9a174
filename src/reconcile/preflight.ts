/**
 * Before a pass: may this checkpoint be used, and may this marker Redis be repaired?
 * Invariants kept: a checkpoint from another history is refused loudly; a standby is never judged from; a marker Redis
 * that may have lost writes sends the checkpoint back by the configured window.
 */
import type { Position } from '../domain/claim.ts';
import {
  repairObstacles,
  storeChanged,
  storeWarnings,
  type MarkerStoreIdentity,
  type StoreReading,
} from '../domain/marker-store.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { refusals } from '../domain/validity.ts';
import { raiseAlerts, resolveAlert, type Alert } from '../postgres/alert.ts';
import { readCheckpoint, rewindAfterStoreChange, takeCheckpoint } from '../postgres/checkpoint.ts';
import { readMarkerStore } from '../redis/marker-store.ts';
import type { SourceContext } from './source-context.ts';
import type { Term } from './hold-term.ts';

export interface Preflight {
  /** Where reading starts. */
  readonly from: Position;
  /** Reasons why nothing may be repaired now; judging goes on. */
  readonly obstacles: readonly string[];
  /** The marker Redis as it was when the pass began. */
  readonly store: MarkerStoreIdentity;
}

/** Throws `checkpoint_refused` with all reasons, `fenced_out`, or what the stores threw. */
export async function preflight(context: SourceContext, term: Term): Promise<Preflight> {
  const { pool, sql, source, markers, limits } = context;
  const { checkpoint, database } = await readCheckpoint(pool, sql);
  const reasons = refusals(checkpoint?.database ?? null, database);
  if (reasons.length > 0) throw refuse(source.name, reasons);
  const store = await readMarkerStore(markers, limits.callTimeoutMs);
  term.guard();
  await takeCheckpoint(pool, sql, term.fencingToken, store);
  if (checkpoint !== null && storeChanged(checkpoint.markerStore, store)) {
    await rewindAfterStoreChange(pool, source.name, {
      markerStore: store,
      rewindMs: source.rewindMs,
      fencingToken: term.fencingToken,
    });
  }
  const obstacles = repairObstacles(store);
  await tellAboutStore(context, store, obstacles);
  const taken = await readCheckpoint(pool, sql);
  return { from: taken.checkpoint?.position ?? { changeXid: '0', id: null }, obstacles, store };
}

/** What forbids repairs now, after the reading: it may have taken long. */
export async function obstaclesNow(context: SourceContext, { store }: Preflight): Promise<string[]> {
  const now = await readMarkerStore(context.markers, context.limits.callTimeoutMs);
  const changed =
    'the marker Redis restarted, failed over or was flushed during the pass; the next pass looks again';
  return [...repairObstacles(now), ...(storeChanged(store, now) ? [changed] : [])];
}

/** One alert each while it lasts: repairs are impossible, markers can vanish. */
async function tellAboutStore(
  { pool, source }: SourceContext,
  store: StoreReading,
  obstacles: readonly string[],
): Promise<void> {
  await tell('marker_store_obstacle', 'critical', obstacles);
  await tell('marker_store_warning', 'warning', storeWarnings(store));

  async function tell(kind: string, severity: Alert['severity'], found: readonly string[]): Promise<void> {
    const cause = `${source.name}:${kind}`;
    if (found.length === 0) await resolveAlert(pool, cause);
    else await raiseAlerts(pool, [{ cause, kind, source: source.name, severity, summary: found.join('; ') }]);
  }
}

function refuse(source: string, reasons: readonly string[]): OperatingError {
  return new OperatingError(
    'checkpoint_refused',
    `The checkpoint of ${source} is refused; nothing was judged or changed:\n` +
      `${reasons.map((reason) => `  - ${reason}`).join('\n')}\n` +
      `If this server is the right one, go back to a safe place: claim-reconciler rewind --source ${source} --by 1h ` +
      '(or --to beginning).',
  );
}
