/**
 * When does a marker's window end? From the markers that were seen: the column that says the same time, or that lies a
 * constant length before it. Without markers, from the names of the columns, which say nothing of the length.
 */
import type { SampledColumn, Sighting } from './sample-row.ts';

export type ProposedWindow =
  | { readonly kind: 'expires_at'; readonly column: string; readonly evidence: string }
  /** `ttlMs: null`: for a person to say. */
  | {
      readonly kind: 'created_at';
      readonly column: string;
      readonly ttlMs: number | null;
      readonly evidence: string;
    }
  | { readonly kind: 'unknown' };

/** As the default of `marker.tolerance`. */
const toleranceMs = 60_000;

/** So far a column may lie from a marker's end, and still mean it, whatever its name: markers may live for a few seconds only. */
const sameTimeMs = 2_000;

/** Markers that must agree; the others may be what is wrong with them. */
const agreeingShare = 0.8;

const expiryName = /(expir|valid_?(until|till|to|thru)|ends?_?(at|on|time)|until|deadline)/i;
const beginName = /(creat|claim|grab|insert|receiv|taken|start|begin|begun|grant|issue)/i;

interface Fit {
  readonly column: string;
  /** From the column's time to the marker's end. */
  readonly lengthMs: number;
  readonly isExpiry: boolean;
  /** The lower, the likelier. */
  readonly rank: number;
}

export function proposeWindow(
  columns: readonly SampledColumn[],
  sightings: readonly Sighting[],
): ProposedWindow {
  const times = columns.filter(({ isTime }) => isTime).map(({ name }) => name);
  const fits = times.flatMap((name) => fitOf(name, sightings) ?? []);
  const [best] = fits.toSorted((a, b) => a.rank - b.rank);
  return best === undefined ? byName(times) : bySight(best, sightings);
}

function bySight({ column, lengthMs, isExpiry }: Fit, sightings: readonly Sighting[]): ProposedWindow {
  const count = sightings.filter(({ endsAtMs }) => endsAtMs !== null).length;
  const seen = `${count === 1 ? 'one marker that was' : `${count} markers that were`} looked at`;
  return isExpiry
    ? { kind: 'expires_at', column, evidence: `it is when ${seen} end${count === 1 ? 's' : ''}` }
    : {
        kind: 'created_at',
        column,
        ttlMs: lengthMs,
        evidence: `${seen} end${count === 1 ? 's' : ''} that long after it`,
      };
}

function byName(times: readonly string[]): ProposedWindow {
  const evidence = 'by its name; no marker could be compared with it';
  const expires = times.find((name) => expiryName.test(name));
  if (expires !== undefined) return { kind: 'expires_at', column: expires, evidence };
  const begins = times.find((name) => beginName.test(name));
  return begins === undefined
    ? { kind: 'unknown' }
    : { kind: 'created_at', column: begins, ttlMs: null, evidence };
}

/** Null where the markers do not follow this column. */
function fitOf(column: string, sightings: readonly Sighting[]): Fit | null {
  const lengths = sightings
    .flatMap(({ row, endsAtMs }) => {
      const atMs = row.timesMs.get(column);
      return endsAtMs === null || atMs === undefined ? [] : [endsAtMs - atMs];
    })
    .toSorted((a, b) => a - b);
  const middle = lengths[Math.floor(lengths.length / 2)];
  if (middle === undefined) return null;
  const isExpiry = Math.abs(middle) <= (expiryName.test(column) ? toleranceMs : sameTimeMs);
  const lengthMs = isExpiry ? 0 : round(middle);
  const allowedMs = isExpiry ? toleranceMs : Math.min(toleranceMs, lengthMs / 10);
  const agreeing = lengths.filter((each) => Math.abs(each - lengthMs) <= allowedMs).length;
  if (lengthMs < 0 || agreeing < agreeingShare * lengths.length) return null;
  const isNamedSo = (isExpiry ? expiryName : beginName).test(column);
  const offMs = Math.abs(middle - lengthMs);
  return { column, lengthMs, isExpiry, rank: (isExpiry ? 0 : 1_000_000) + (isNamedSo ? 0 : 100_000) + offMs };
}

/** The nearest length that a person would have written: whole days, hours, minutes or seconds, whichever is near. */
function round(ms: number): number {
  const units = [86_400_000, 3_600_000, 60_000];
  const near = units
    .map((unit) => Math.round(ms / unit) * unit)
    .find((whole) => Math.abs(ms - whole) <= Math.min(toleranceMs, whole / 200));
  return near ?? Math.round(ms / 1_000) * 1_000;
}
