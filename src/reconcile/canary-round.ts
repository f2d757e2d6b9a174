/**
 * A round of the canary: a claim of our own is written with its marker, broken on purpose, and left to the passes. Later
 * somebody looks what became of it.
 * Invariants kept: nothing but the canary's own claims and markers is touched; whatever is interrupted leaves a claim that a
 * pass judges, and a marker that expires, is repaired, or is cleared away with its round.
 * Does not repair anything: that is what it is there to see.
 */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import {
  canaryKey,
  canaryName,
  endOfOverdue,
  faultAfter,
  type CanaryFault,
  type CanaryHealth,
  type CanaryRules,
  judgeCanary,
} from '../domain/canary.ts';
import { raiseAlerts, resolveAlerts } from '../postgres/alert.ts';
import {
  beginRound,
  dropOldRounds,
  endRound,
  noteBroken,
  noteProgress,
  readHindrance,
  readLastFault,
  readRounds,
  type CanaryRecord,
  type OverdueRound,
} from '../postgres/canary.ts';
import { breakMarker, clearMarkers, hasMarker, setMarker } from '../redis/canary-marker.ts';
import type { MarkerRedis } from '../redis/script.ts';

export interface CanaryStores {
  readonly pool: pg.Pool;
  readonly markers: MarkerRedis;
  readonly callTimeoutMs: number;
}

/** Markers outlive the time in which they must be right again, so that no fault goes away by itself. */
const windowBeyondMs = 3_600_000;

/**
 * Injects the next fault, once for a slot: called again it goes on where it stopped. Returns null when there was nothing to
 * do any more. Throws what the stores threw.
 */
export async function injectFault(
  { pool, markers, callTimeoutMs }: CanaryStores,
  slot: Date,
  { withinMs }: CanaryRules,
): Promise<{ readonly roundId: string; readonly fault: CanaryFault } | null> {
  const attempt = randomUUID();
  const windowMs = withinMs + windowBeyondMs;
  const fault = faultAfter(await readLastFault(pool));
  await setMarker(markers, { key: canaryKey(attempt), value: attempt, windowMs }, callTimeoutMs);
  const round = await beginRound(pool, { slot, fault, attempt, windowMs });
  if (round?.attempt !== attempt) await clearMarkers(markers, [canaryKey(attempt)], callTimeoutMs);
  if (round === null) return null;
  await breakMarker(markers, { key: canaryKey(round.attempt), windowMs }, round.fault, callTimeoutMs);
  await noteBroken(pool, round.id);
  return { roundId: round.id, fault: round.fault };
}

/** Drops what is old, in both stores. Returns how many rounds went. */
export async function clearOldRounds({ pool, markers, callTimeoutMs }: CanaryStores): Promise<number> {
  const attempts = await dropOldRounds(pool);
  await clearMarkers(markers, attempts.map(canaryKey), callTimeoutMs);
  return attempts.length;
}

/**
 * Looks what became of the rounds, and tells people when nothing is proved any more: one alert, until a round passes.
 * @param upMs see `judgeCanary`
 * Returns how many rounds ended by this call. Safe to call from many processes at once: a round is ended by one.
 */
export async function judgeRounds(
  stores: CanaryStores,
  rules: CanaryRules,
  upMs: number,
): Promise<{ readonly passed: number; readonly failed: number }> {
  const { pool } = stores;
  const { passed, overdue } = await noteProgress(pool, rules.withinMs);
  let failed = 0;
  for (const round of overdue) {
    const outcome = endOfOverdue(round, await wasThere(stores, round));
    if ((await endRound(pool, round.id, outcome)) && outcome === 'failed') failed += 1;
  }
  const record = await readRounds(pool);
  const health = judgeCanary(record, rules, upMs);
  if (health === 'well') await endCanaryAlert(pool);
  if (health === 'failed' || health === 'silent') await tell(pool, health, record, rules);
  return { passed, failed };
}

const cause = `${canaryName}:round`;

/** The canary is well again, or there is none any more. */
export async function endCanaryAlert(pool: pg.Pool): Promise<void> {
  await resolveAlerts(pool, [cause]);
}

/** An orphan whose marker vanished (a flush, an eviction) is none any more. What cannot be seen counts as there. */
async function wasThere(
  { markers, callTimeoutMs }: CanaryStores,
  { isBroken, fault, attempt }: OverdueRound,
): Promise<boolean> {
  if (!isBroken || fault !== 'orphan_marker') return isBroken;
  return hasMarker(markers, canaryKey(attempt), callTimeoutMs).catch(() => true);
}

async function tell(
  pool: pg.Pool,
  health: Extract<CanaryHealth, 'failed' | 'silent'>,
  { newest, ended }: CanaryRecord,
  { everyMs, withinMs }: CanaryRules,
): Promise<void> {
  const what =
    health === 'silent'
      ? `No fault has been injected into the canary ${newest === null ? `since ${minutes(everyMs)} and more` : `for ${minutes(newest.ageMs)}`}; one is due every ${minutes(everyMs)}`
      : `A fault that was injected into the canary (${ended?.fault ?? '?'}, claim ${ended?.claimId ?? '?'}) was ` +
        `${ended?.foundMs === null ? 'not found' : 'found, but not repaired,'} within ${minutes(withinMs)}`;
  const why = await readHindrance(pool);
  const summary = `${what}: ${why}. As long as this lasts, silence about the other sources does not mean that they are well.`;
  await raiseAlerts(pool, [{ cause, kind: 'canary', source: canaryName, severity: 'critical', summary }]);
}

function minutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
