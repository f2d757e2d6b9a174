/**
 * The option `--from`: from which point on a run reads.
 */
import { parseDuration } from '../config/duration.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { RewindTarget } from '../reconcile/rewind-source.ts';

/** A day, or a time with its zone: without one nobody knows which is meant. */
const timePattern = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/;

/** Throws `configuration` for what is no point in time. */
export function readFrom(text: string): RewindTarget {
  if (text === 'beginning') return { kind: 'beginning' };
  const agoMs = parseDuration(text);
  if (agoMs !== null) return { kind: 'ago', agoMs };
  const atMs = timePattern.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(atMs)) return { kind: 'time', atMs };
  throw new OperatingError(
    'configuration',
    `--from must be beginning, how long ago (such as 2h or 7d), or a time such as 2026-11-21 or 2026-11-21T08:00Z; it is ${JSON.stringify(text)}.`,
  );
}
