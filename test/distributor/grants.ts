/** Grants as the tests ask for them. */
import type { Grant } from '../../src/domain/distributor.ts';

export function grantOf(attempt: string, rest: Partial<Grant> = {}): Grant {
  return {
    attempt,
    markerKey: 'gift:7',
    claim: { id: 1, uid: 7 },
    notAfterMs: Date.now() + 60_000,
    ...rest,
  };
}
