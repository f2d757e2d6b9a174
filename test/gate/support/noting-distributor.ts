/**
 * A distributor in this process that notes what it is asked and what it handed out. Idempotent, as every distributor must
 * be. A test says what comes back; what it says nothing of is granted.
 */
import type { Distributor, Grant, GrantAnswer } from '../../../src/domain/distributor.ts';

export interface NotingDistributor extends Distributor {
  readonly asked: Grant[];
  /** The marker keys that were handed out, by attempt. */
  readonly handedOut: Map<string, string>;
  /** From now on: what happens at the distributor, and what comes back. Null: it grants. */
  readonly does: (behaviour: ((grant: Grant, signal: AbortSignal) => Promise<GrantAnswer>) | null) => void;
  /** Hands out, as it does by itself. */
  readonly handOut: (grant: Grant) => GrantAnswer;
}

export function notingDistributor(): NotingDistributor {
  const asked: Grant[] = [];
  const handedOut = new Map<string, string>();
  let behaviour: ((grant: Grant, signal: AbortSignal) => Promise<GrantAnswer>) | null = null;
  const handOut = (grant: Grant): GrantAnswer => {
    handedOut.set(grant.attempt, grant.markerKey);
    return { kind: 'granted' };
  };
  return {
    asked,
    handedOut,
    does: (next) => {
      behaviour = next;
    },
    handOut,
    grant: async (grant, signal) => {
      asked.push(grant);
      return behaviour === null ? handOut(grant) : behaviour(grant, signal);
    },
    lookup: async (attempt) => (handedOut.has(attempt) ? { kind: 'granted' } : { kind: 'not_granted' }),
  };
}
