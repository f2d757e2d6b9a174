/**
 * Ties the metrics to what they tell of: stores and distributors as the passes of a daemon use them, the size of the
 * open-claims indexes, and the canary.
 * Does not count anything itself.
 */
import { watchDistributor } from '../distributor/watch-distributor.ts';
import type { CanaryRules } from '../domain/canary.ts';
import { openClaimsKey } from '../domain/open-claim.ts';
import type { CanaryReading } from '../http/canary-gauges.ts';
import type { IndexSizes } from '../http/index-gauges.ts';
import type { Metrics } from '../http/metrics.ts';
import { readRounds } from '../postgres/canary.ts';
import { measureOpenClaims, type OpenClaimsSize } from '../redis/measure-open-claims.ts';
import type { OpenDeps } from './open-deps.ts';

/** The same, with each question to a distributor and each detection counted. */
export function watchDeps(deps: OpenDeps, metrics: Metrics): OpenDeps {
  const watched = [...deps.distributors].map(
    ([source, distributor]) =>
      [source, watchDistributor(distributor, (asked) => metrics.distributorAsked(source, asked))] as const,
  );
  return {
    ...deps,
    distributors: new Map(watched),
    onDetected: (source, latenciesMs) => metrics.detected(source, latenciesMs),
  };
}

/** One command for each source. Why an index cannot be read is said by the pass that needs it; here it is null. */
export async function measureIndexes(
  deps: Pick<OpenDeps, 'markers' | 'namespace' | 'sources' | 'limits'>,
): Promise<IndexSizes> {
  const { markers, namespace, sources, limits } = deps;
  const sizes = sources.map(async ({ name }): Promise<readonly [string, OpenClaimsSize | null]> => {
    const indexKey = openClaimsKey(namespace, name);
    return [name, await measureOpenClaims(markers, indexKey, limits.callTimeoutMs).catch(() => null)];
  });
  return new Map(await Promise.all(sizes));
}

/** What its rounds came to; null where there is no canary. */
export function watchCanary(
  { pool }: Pick<OpenDeps, 'pool'>,
  rules: CanaryRules | null,
): (() => Promise<CanaryReading>) | null {
  if (rules === null) return null;
  return async () => ({ everyMs: rules.everyMs, passed: (await readRounds(pool)).passed });
}
