/**
 * What a report tells of a marker whose claim has no row: as much of an open claim as its key and its attempt give away.
 * Invariants kept: a column is never guessed; where nobody knows when the window ends it is not over, since a door that
 * is shut by mistake can be opened.
 */
import type { MarkerReading } from './marker.ts';
import type { OpenClaim } from './open-claim.ts';
import type { Source } from './source.ts';
import { matchTemplateSurely, type Template } from './template.ts';

/** As long as a window may last. */
const unknownWindowMs = 100 * 365 * 86_400_000;

/** @param nowMs database time, Unix milliseconds, at which the marker was read */
export function reportedClaim(
  { columns, marker: { key, value } }: Pick<Source, 'columns' | 'marker'>,
  { markerKey, attempt }: { readonly markerKey: string; readonly attempt: string },
  marker: MarkerReading,
  nowMs: number,
): OpenClaim {
  const known = new Map(matchTemplateSurely(key, markerKey));
  known.delete(columns.attempt);
  const usualMs = 'ttlMs' in columns.expiry ? columns.expiry.ttlMs : unknownWindowMs;
  const leftMs = marker.kind === 'present' ? marker.expiresInMs : null;
  const texts = new Map([...known, [columns.attempt, attempt]]);
  return {
    markerKey,
    markerValue: (value === null ? null : fillIn(value, texts)) ?? attempt,
    attempt,
    columns: Object.fromEntries(known),
    expiresAtMs: Math.floor(nowMs + (leftMs ?? usualMs)),
  };
}

/** Null when a column is not known. */
function fillIn(template: Template, texts: ReadonlyMap<string, string>): string | null {
  const parts = template.map((part) => (part.kind === 'literal' ? part.text : texts.get(part.name)));
  return parts.includes(undefined) ? null : parts.join('');
}
