/**
 * Opens a source and runs work on it under its lease: the frame of every job that may write.
 */
import type { Redis } from 'ioredis';
import { OperatingError } from '../domain/operating-error.ts';
import type { Source } from '../domain/source.ts';
import { holdTerm, type Term } from './hold-term.ts';
import { openSource, type PassLimits, type SourceContext, type Stores } from './source-context.ts';

/** What the program runs with, opened once and shared by all jobs. */
export interface ReconcilerDeps extends Stores {
  /** A strict connection to the Redis that holds leases. */
  readonly leases: Redis;
  readonly sources: readonly Source[];
  /** Who this process is, for people: host and process id. */
  readonly holder: string;
  readonly limits: PassLimits;
  readonly onTrouble: (error: OperatingError) => void;
}

/** Throws `not_found` and names the sources that there are. */
export function findSource(sources: readonly Source[], name: string): Source {
  const source = sources.find((candidate) => candidate.name === name);
  if (source !== undefined) return source;
  const known = sources.map((candidate) => candidate.name).join(', ');
  throw new OperatingError('not_found', `There is no source ${JSON.stringify(name)}. Configured: ${known}.`);
}

/** @param patienceMs how long to wait for the lease while another holds it */
export async function underTerm<T>(
  deps: ReconcilerDeps,
  request: { readonly source: string; readonly patienceMs: number },
  signal: AbortSignal,
  work: (context: SourceContext, term: Term) => Promise<T>,
): Promise<T> {
  const context = await openSource(deps, findSource(deps.sources, request.source), deps.limits);
  return holdTerm({ ...deps, ...request }, signal, (term) => work(context, term));
}
