/**
 * The gauges that tell what lies in the open-claims indexes, in the marker Redis.
 * Invariant kept: what could not be read is absent and said to be so.
 */
import { Gauge, type Registry } from 'prom-client';
import type { OpenClaimsSize } from '../redis/measure-open-claims.ts';

/** By source; null, or none, for an index that could not be read. */
export type IndexSizes = ReadonlyMap<string, OpenClaimsSize | null>;

export interface IndexGauges {
  show(sources: readonly string[], sizes: IndexSizes): void;
}

export function createIndexGauges(registry: Registry): IndexGauges {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `claim_reconciler_${name}`, help, labelNames: ['source'], registers: [registry] });
  const up = gauge(
    'open_claims_up',
    '1 when the open-claims index could be read for this scrape; 0: the marker Redis did not answer, and its gauges are ' +
      'left out.',
  );
  const entries = gauge(
    'open_claims',
    'Claims listed in the open-claims index: begun through the gate and neither settled nor forgotten.',
  );
  const oldest = gauge(
    'open_claims_oldest_age_seconds',
    'Age of the oldest entry of the open-claims index. Absent while the index is empty.',
  );
  return {
    show(sources, sizes) {
      for (const one of [up, entries, oldest]) one.reset();
      for (const source of sources) {
        const size = sizes.get(source) ?? null;
        up.set({ source }, size === null ? 0 : 1);
        if (size === null) continue;
        entries.set({ source }, size.entries);
        if (size.oldestMs !== null) oldest.set({ source }, size.oldestMs / 1000);
      }
    },
  };
}
