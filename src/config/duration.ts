/**
 * Durations as people write them: `250ms`, `30s`, `5m`, `2h`, `180d`. A number always carries its unit.
 * Does not know months or years, whose length varies.
 */

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds; null for what is not a duration. Fractions such as `1.5s` are rounded to a millisecond. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text);
  const unitMs = unitsMs[match?.[2] ?? ''];
  if (unitMs === undefined) return null;
  const durationMs = Math.round(Number(match?.[1]) * unitMs);
  return Number.isSafeInteger(durationMs) ? durationMs : null;
}

/** The shortest exact way to write a duration: 5400000 is `90m`. */
export function formatDuration(durationMs: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const unitMs = unitsMs[unit] ?? 1;
    if (durationMs !== 0 && durationMs % unitMs === 0) return `${durationMs / unitMs}${unit}`;
  }
  return `${durationMs}ms`;
}
