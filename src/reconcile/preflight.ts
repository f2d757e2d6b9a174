/**
 * Before a pass: may this checkpoint be used, and may this marker Redis be repaired?
 * Invariants kept: a checkpoint from another history is refused loudly; a standby is never judged from; a marker Redis
 * that may have lost writes sends the checkpoint back by the configured window.
 */
import type { Position } from '../domain/claim.ts';
import {
  identityOf,
  repairObstacles,
  storeChange,
  storeWarnings,
  type MarkerStoreIdentity,
  type StoreReading,
} from '../domain/marker-store.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { refusals } from '../domain/validity.ts';
import { raiseAlerts, resolveAlerts, type Alert } from '../postgres/alert.ts';
import { readCheckpoint, takeCheckpoint } from '../postgres/checkpoint.ts';
import { rewindAfterStoreChange } from '../postgres/rewind-checkpoint.ts';
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
  if (reasons.length > 0) {
    // Where it cannot be stored, on a standby say, the pass tells of it all the same.
    await Promise.allSettled([tell(context, [], refusalOf(source.name, reasons))]);
    throw refuse(source.name, reasons);
  }
  const store = await readMarkerStore(markers, limits.callTimeoutMs);
  term.guard();
  const markerStore = identityOf(store);
  let from = await takeCheckpoint(pool, sql, term.fencingToken, markerStore);
  const change = checkpoint === null ? 'none' : storeChange(checkpoint.markerStore, store);
  if (change !== 'none') {
    from = await rewindAfterStoreChange(pool, sql, {
      markerStore,
      rewindMs: change === 'lost' ? source.rewindMs : null,
      fencingToken: term.fencingToken,
    });
  }
  const obstacles = repairObstacles(store);
  await tell(context, storeConditions(store, obstacles), '');
  return { from, obstacles, store: markerStore };
}

/** What forbids repairs now, after the reading: it may have taken long. */
export async function obstaclesNow(context: SourceContext, { store }: Preflight): Promise<string[]> {
  const now = await readMarkerStore(context.markers, context.limits.callTimeoutMs);
  const changed =
    'the marker Redis restarted, failed over or was flushed during the pass; the next pass looks again';
  return [...repairObstacles(now), ...(storeChange(store, now) === 'lost' ? [changed] : [])];
}

interface Condition {
  readonly kind: string;
  readonly severity: Alert['severity'];
  /** In words; empty where there is none. */
  readonly found: readonly string[];
}

function storeConditions(store: StoreReading, obstacles: readonly string[]): Condition[] {
  return [
    { kind: 'marker_store_obstacle', severity: 'critical', found: obstacles },
    { kind: 'marker_store_warning', severity: 'warning', found: storeWarnings(store) },
  ];
}

/** One alert each while it lasts: nothing is judged, repairs are impossible, markers can vanish. */
async function tell(
  { pool, source: { name: source } }: SourceContext,
  conditions: readonly Condition[],
  refusal: string,
): Promise<void> {
  const all = [
    ...conditions,
    { kind: 'checkpoint_refused', severity: 'critical', found: [refusal] } as const,
  ].map(({ found, ...rest }) => ({
    ...rest,
    source,
    cause: `${source}:${rest.kind}`,
    summary: found.join('; '),
  }));
  await raiseAlerts(
    pool,
    all.filter(({ summary }) => summary !== ''),
  );
  await resolveAlerts(
    pool,
    all.filter(({ summary }) => summary === '').map(({ cause }) => cause),
  );
}

/** For an alert: in one line. */
function refusalOf(source: string, reasons: readonly string[]): string {
  return (
    `The checkpoint of ${source} is refused, and nothing is judged: ${reasons.join('; ')}. If this server is the right one, ` +
    `go back to a safe place: claim-reconciler rewind --source ${source} --by 1h`
  );
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
