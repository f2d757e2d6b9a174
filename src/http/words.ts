/**
 * Numbers, times and verdicts in words for people.
 * Does not read a clock: ages are counted to a given moment.
 */
import type { BadVerdict } from '../domain/verdict.ts';
import type { MarkerView } from '../postgres/overview.ts';

/** Two units at most: `350 ms`, `12 s`, `4 min 10 s`, `3 h 5 min`, `12 d 4 h`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return joinUnits(seconds, 60, 'min', 1, 's');
  if (seconds < 86_400) return joinUnits(seconds, 3_600, 'h', 60, 'min');
  return joinUnits(seconds, 86_400, 'd', 3_600, 'h');
}

function joinUnits(seconds: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((seconds % big) / small);
  const whole = `${Math.floor(seconds / big)} ${bigUnit}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smallUnit}`;
}

/** `2026-11-21 08:15:44` in UTC. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? iso : time.toISOString().slice(0, 19).replace('T', ' ');
}

const grouped = new Intl.NumberFormat('en-GB');

export function formatCount(count: number): string {
  return grouped.format(count);
}

/** `99.87 %`; cut and not rounded, so that only all is `100 %`. */
export function formatShare(share: number): string {
  return `${Math.floor(share * 10_000 + 1e-6) / 100} %`;
}

/** A marker as it was read: `"a-17", 4 min left`, `absent`. */
export function describeMarker(marker: MarkerView): string {
  if (marker.kind !== 'present') return marker.kind.replaceAll('_', ' ');
  const expiry = marker.expiresInMs === null ? 'no expiry' : `${formatDuration(marker.expiresInMs)} left`;
  return `"${marker.value ?? ''}", ${expiry}`;
}

/** What a verdict says of the two stores, for somebody who has not read the manual. */
const verdictMeanings: Readonly<Record<BadVerdict, string>> = {
  missing_marker: 'granted, but its marker is gone: the door is open for a second grant',
  immortal_marker: 'granted, but its marker has no expiry: it would live for ever',
  wrong_expiry: 'granted, but its marker expires at the wrong time',
  conflicting_marker: 'granted, but its marker belongs to another attempt',
  in_doubt: 'still pending after the grace period: nobody knows whether it was granted',
  orphan_marker: 'released, but its marker is still there: the user is told "already claimed"',
  rowless_marker: 'a marker without a claim row',
  unreadable_marker: 'the key holds something that is not a marker',
  unreadable_claim: 'the row cannot be understood, such as an unknown status word',
};

/** Empty for a word this version does not know. */
export function explainVerdict(verdict: string): string {
  return Object.hasOwn(verdictMeanings, verdict) ? verdictMeanings[verdict as BadVerdict] : '';
}

/** `missing_marker` as it is read aloud. */
export function spell(word: string): string {
  return word.replaceAll('_', ' ');
}
