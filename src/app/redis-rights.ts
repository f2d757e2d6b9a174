/**
 * What the configured users may not do in either Redis. Asks only.
 */
import { markerRightsProblems } from '../redis/marker-rights.ts';
import { rightsProblems } from '../redis/rights.ts';
import { queueNeeds } from '../schedule/queue-rights.ts';
import type { OpenDeps } from './open-deps.ts';

export interface RightsProblem {
  readonly where: 'marker redis' | 'queue redis';
  readonly text: string;
}

/** Throws OperatingError when a server does not answer. */
export async function redisRightsProblems(deps: OpenDeps): Promise<RightsProblem[]> {
  const { markers, leases, sources, namespace, limits } = deps;
  const [ofMarkers, ofQueue] = await Promise.all([
    markerRightsProblems(markers, sources, namespace, limits.callTimeoutMs),
    rightsProblems(leases, queueNeeds(namespace), limits.callTimeoutMs),
  ]);
  return [
    ...ofMarkers.map((text) => ({ where: 'marker redis' as const, text })),
    ...ofQueue.map((text) => ({ where: 'queue redis' as const, text })),
  ];
}
