/**
 * Whether this process can do its work now: both kinds of store answer, and the worker runs.
 * Invariant kept: a store that does not answer in time counts as not ready.
 */
import { pingMarkers } from '../redis/connect-markers.ts';
import { withDeadline } from '../redis/connect.ts';
import type { OpenDeps } from './open-deps.ts';

const answerMs = 700;

export async function readReadiness(
  deps: OpenDeps,
  working: boolean,
): Promise<{ readonly ready: boolean; readonly reasons: string[] }> {
  const checks = [
    ['Postgres', deps.pool.query('select 1')],
    ['the marker Redis', pingMarkers(deps.markers, answerMs)],
    ['the queue Redis', deps.leases.ping()],
  ] as const;
  const answers = await Promise.allSettled(
    checks.map(([what, answer]) => withDeadline<unknown>(answer, answerMs, `asking ${what}`)),
  );
  const reasons = checks.flatMap(([what], at) =>
    answers[at]?.status === 'fulfilled' ? [] : [`${what} does not answer`],
  );
  if (!working) reasons.push('the worker is not running (yet, or any more)');
  return { ready: reasons.length === 0, reasons };
}
