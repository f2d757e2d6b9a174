/**
 * What the jobs of the tests run with: both sources of `claim-tables.ts`, with the rules that a test changes.
 * Does not open anything: processes that a test starts use it too.
 */
import type { JobDeps, JobReporter } from '../../../jobs/job.ts';
import type { Distributor } from '../../../src/domain/distributor.ts';
import type { Source, SourceRules } from '../../../src/domain/source.ts';
import { defaultPassLimits, type PassLimits } from '../../../src/reconcile/source-context.ts';
import { giftSource, orderSource } from './claim-tables.ts';

export interface PassChanges {
  readonly source?: string;
  /** In place of those of `claim-tables.ts`. */
  readonly sources?: readonly Source[];
  readonly rules?: Partial<SourceRules>;
  readonly limits?: Partial<PassLimits>;
  readonly force?: boolean;
  /** A pool that steps in between: see `intercept.ts`. */
  readonly pool?: JobDeps['pool'];
  /** Another marker Redis than that of the world. */
  readonly markers?: JobDeps['markers'];
  readonly signal?: AbortSignal;
  /** Asked for all sources; nobody unless given. */
  readonly distributor?: Distributor;
}

export const silentReporter: JobReporter = { log: () => undefined, progress: () => undefined };

export function jobDeps(stores: Pick<JobDeps, 'pool' | 'markers' | 'leases'>, changes: PassChanges): JobDeps {
  const { distributor, sources = [giftSource, orderSource] } = changes;
  return {
    ...stores,
    pool: changes.pool ?? stores.pool,
    markers: changes.markers ?? stores.markers,
    namespace: 'own',
    sources: sources.map((source) => ({
      ...source,
      rules: { ...source.rules, ...changes.rules },
    })),
    distributors: new Map(distributor === undefined ? [] : sources.map(({ name }) => [name, distributor])),
    holder: `test:${process.pid}`,
    limits: { ...defaultPassLimits, callTimeoutMs: 1_000, ...changes.limits },
    onTrouble: () => undefined,
  };
}
