/**
 * An entry of the open-claims index: a claim that is in flight or stuck. It tells of a marker whose row was never
 * written, so it holds all that the row needs.
 * Invariant kept: what cannot be decoded is null, never half an entry.
 */

/** What all our own keys in Redis begin with, unless a deployment chooses otherwise. */
export const defaultNamespace = 'claim-reconciler';

/** The key of a source's index: a sorted set in the marker Redis, scored by that server's clock in milliseconds. */
export function openClaimsKey(namespace: string, source: string): string {
  return `${namespace}:open-claims:${source}`;
}

export type ColumnValue = string | number | boolean | null;

export interface OpenClaim {
  readonly markerKey: string;
  readonly markerValue: string;
  readonly attempt: string;
  /** The columns the application gave, by name: those of the marker's key among them. */
  readonly columns: Readonly<Record<string, ColumnValue>>;
  /** Unix milliseconds at which the marker's window ends, by the clock of the host that made the claim. */
  readonly expiresAtMs: number;
}

/** The entry as a member of the index. The same claim always gives the same text. */
export function encodeOpenClaim(entry: OpenClaim): string {
  const { markerKey, markerValue, attempt, columns, expiresAtMs } = entry;
  return JSON.stringify([markerKey, markerValue, attempt, expiresAtMs, columns]);
}

/** Null for what `encodeOpenClaim` did not make. */
export function decodeOpenClaim(member: string): OpenClaim | null {
  let parts: unknown;
  try {
    parts = JSON.parse(member);
  } catch {
    return null;
  }
  if (!Array.isArray(parts) || parts.length !== 5) return null;
  const [markerKey, markerValue, attempt, expiresAtMs, columns]: unknown[] = parts;
  if (typeof markerKey !== 'string' || typeof markerValue !== 'string' || typeof attempt !== 'string')
    return null;
  if (typeof expiresAtMs !== 'number' || !isColumns(columns)) return null;
  return { markerKey, markerValue, attempt, columns, expiresAtMs };
}

function isColumns(value: unknown): value is OpenClaim['columns'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(
    (item) => item === null || ['string', 'number', 'boolean'].includes(typeof item),
  );
}
