/**
 * A term: the right to write for one source, for a while. The lease keeps others away in practice; the fencing token,
 * from Postgres, lets Postgres refuse whoever is late.
 * Invariant kept: the lease is released after the work has ended, whatever became of the work.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import { OperatingError } from '../domain/operating-error.ts';
import { beginTerm, latestTerm } from '../postgres/lease-term.ts';
import { LeaseContender, type AcquireOutcome, type Lease } from '../redis/lease.ts';

export interface Term {
  readonly fencingToken: string;
  /** Aborts when the lease is lost or about to end, with the reason. */
  readonly signal: AbortSignal;
  /** Throws `lease_lost` when the lease may no longer be trusted. Called before each write. */
  guard(): void;
}

export interface TermOptions {
  readonly pool: pg.Pool;
  /** A strict connection to the Redis that holds leases. */
  readonly leases: Redis;
  /** Comes before the lease's key. */
  readonly namespace: string;
  readonly source: string;
  /** Who asks, for people: host and process id. */
  readonly holder: string;
  /** How long to go on trying while another holds the lease, in milliseconds. */
  readonly patienceMs: number;
  readonly onTrouble: (error: OperatingError) => void;
}

const retryMs = 250;

/** Runs `work` under the source's lease. Throws `lease_held` when another keeps it beyond the caller's patience. */
export async function holdTerm<T>(
  options: TermOptions,
  signal: AbortSignal,
  work: (term: Term) => Promise<T>,
): Promise<T> {
  const lease = await acquire(options, signal);
  try {
    const { pool, holder } = options;
    const fencingToken = await beginTerm(pool, { lease: leaseName(options.source), holder });
    // The token may be newer than another holder's, if this process was stopped meanwhile: then it is not used.
    lease.guard();
    return await work({ fencingToken, signal: lease.signal, guard: () => lease.guard() });
  } finally {
    await lease.release();
  }
}

async function acquire(options: TermOptions, signal: AbortSignal): Promise<Lease> {
  const { leases: redis, namespace, source, patienceMs, onTrouble } = options;
  const contender = new LeaseContender({ redis, key: `${namespace}:lease:source:${source}`, onTrouble });
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    const outcome = await contender.acquire(signal);
    switch (outcome.kind) {
      case 'acquired':
        return outcome.lease;
      case 'stuck':
        throw new OperatingError('not_ready', outcome.reason);
      case 'unavailable':
      case 'held':
        if (performance.now() + retryMs > untilMs) throw await refusal(options, outcome);
        await wait(retryMs, undefined, { signal });
    }
  }
}

async function refusal({ pool, source }: TermOptions, outcome: AcquireOutcome): Promise<OperatingError> {
  if (outcome.kind === 'unavailable') {
    return new OperatingError(
      'redis_unreachable',
      `The lease of ${source} could not be had; nothing was read or changed. ${outcome.reason}`,
    );
  }
  const term = await latestTerm(pool, leaseName(source));
  const who = term === null ? 'somebody else' : `${term.holder}, since ${term.beganAt.toISOString()}`;
  return new OperatingError(
    'lease_held',
    `The lease of ${source} is held by ${who}. Nothing was read or changed; try again when its pass has ended.`,
  );
}

function leaseName(source: string): string {
  return `source:${source}`;
}
