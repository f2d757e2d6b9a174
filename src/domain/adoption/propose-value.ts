/**
 * What the markers hold, as a template: from the values that were seen beside their rows.
 * Invariant kept: what most markers do not agree with is not proposed; some may be what is wrong.
 */
import { deriveTemplates } from './derive-template.ts';
import type { Sighting } from './sample-row.ts';

/** Sightings that are compared; more would tell nothing new. */
const sightingsMax = 30;
const agreeingShare = 0.8;

/** Null: nothing was seen, or it cannot be told from the rows. */
export function proposeValue(all: readonly Sighting[]): string | null {
  const sightings = all.slice(0, sightingsMax);
  const constant = constantOf(sightings);
  if (constant !== null) return constant;
  const fits = new Map<string, { count: number; score: number }>();
  for (const { value, row } of sightings) {
    for (const [template, score] of deriveTemplates(value, row)) {
      const { count, score: sum } = fits.get(template) ?? { count: 0, score: 0 };
      fits.set(template, { count: count + 1, score: sum + score });
    }
  }
  const [best] = [...fits].toSorted(([, a], [, b]) => b.count - a.count || b.score - a.score);
  return best !== undefined && best[1].count >= agreeingShare * sightings.length ? best[0] : null;
}

/** The same text in the markers of several rows, which then is no column's. */
function constantOf([first, ...others]: readonly Sighting[]): string | null {
  if (first === undefined || others.length === 0) return null;
  const { value } = first;
  const isPlain = value !== '' && !/[{}]/.test(value);
  return isPlain && others.every((other) => other.value === value) ? value : null;
}
