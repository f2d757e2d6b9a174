/**
 * The look-up whether something may be claimed at all, answered from a guarded cache before anything is touched.
 * Invariant kept: what could not be looked up is an error, never "open" and never "closed".
 */
import type { Redis } from 'ioredis';
import type { ColumnValue } from '../domain/open-claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { GuardedCache } from '../redis/guarded-cache.ts';

export type Eligible = { readonly open: true } | { readonly open: false; readonly reason: string };

type Columns = Readonly<Record<string, ColumnValue>>;

/** The times are whole milliseconds. */
export interface Eligibility {
  /** What claims that share an answer have in common, such as the id of the activity. */
  readonly key: (columns: Columns) => string;
  /** Looks it up, for any claim with that key; ends when `signal` aborts. What it throws is no answer. */
  readonly load: (columns: Columns, signal: AbortSignal) => Promise<Eligible>;
  /** For how long an answer is good as it is. */
  readonly freshMs: number;
  /** For how long after that it may still be given, while it is looked up anew or cannot be. */
  readonly staleMs: number;
  /** The longest a claim waits while another one looks it up. */
  readonly waitMs: number;
}

export interface OpenEligibility {
  /** Throws OperatingError when there is no answer, not even a stale one. */
  ask(columns: Columns): Promise<Eligible>;
  close(): Promise<void>;
}

/** @param place namespace and source: two sources may use the same key for different things */
export function openEligibility(
  redis: Redis,
  place: { readonly namespace: string; readonly source: string },
  { key, load, freshMs, staleMs, waitMs }: Eligibility,
  onTrouble: (error: OperatingError) => void,
): OpenEligibility {
  const namespace = `${place.namespace}:eligibility:${place.source}`;
  const cache = new GuardedCache({ redis, namespace, freshMs, staleMs, waitMs, onTrouble });
  return {
    ask: async (columns) =>
      readEligible(
        await cache.get<unknown>(key(columns), async (signal) => readEligible(await load(columns, signal))),
      ),
    close: async () => cache.close(),
  };
}

/** Nobody has checked what the application's function returns, nor what an older version of it left in the cache. */
function readEligible(said: unknown): Eligible {
  if (typeof said === 'object' && said !== null && 'open' in said) {
    const { open } = said;
    if (open === true) return { open };
    if (open === false && 'reason' in said && typeof said.reason === 'string') {
      return { open, reason: said.reason };
    }
  }
  throw new OperatingError(
    'configuration',
    'The look-up whether it is open gave no answer: it must return { open: true } or { open: false, reason } with a text. ' +
      'Nothing was claimed.',
  );
}
