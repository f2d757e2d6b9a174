/**
 * How long the marker of a claim is to live, as the application says it: a length or an end.
 * Invariant kept: what passes is positive and finite, so that no marker is written without an expiry.
 */
import { show } from './claim-input.ts';

/**
 * When the window of a claim ends that never ends: 2100-01-01, Unix milliseconds. A marker that is written for it lives until
 * then, since nothing is written without an expiry.
 */
export const endOfTimeMs = 4_102_444_800_000;

/** How long a marker is to live: as the source says, or as each claim does. */
export type WindowRule =
  | { readonly kind: 'fixed'; readonly ttlMs: number }
  | { readonly kind: 'chosen'; readonly usualTtlMs: number | undefined };

export interface ClaimWindow {
  /** For the marker: whole milliseconds, at least 1. */
  readonly ttlMs: number;
  /** Unix milliseconds, by the clock of this host. */
  readonly expiresAtMs: number;
  /** For the row: Postgres counts a length from its own clock. */
  readonly forRow: { readonly ttlMs: number } | { readonly expiresAtMs: number };
}

/** A hundred years: what lies beyond was hardly meant. */
const windowMaxMs = 100 * 365 * 86_400_000;

/** Adds what is wrong to `problems`; the result counts only if there is none. */
export function checkWindow(
  given: { readonly ttlMs?: unknown; readonly expiresAt?: unknown },
  rule: WindowRule,
  nowMs: number,
  problems: string[],
): ClaimWindow {
  const { ttlMs, expiresAt } = given;
  const wrong = (problem: string): ClaimWindow => {
    problems.push(problem);
    return lasting(1, nowMs);
  };
  if (rule.kind === 'fixed') {
    if (ttlMs === undefined && expiresAt === undefined) return lasting(rule.ttlMs, nowMs);
    return wrong('ttlMs, expiresAt: the source fixes how long a marker lives; leave them out');
  }
  if (expiresAt === undefined) {
    const lengthMs = ttlMs ?? rule.usualTtlMs;
    return typeof lengthMs === 'number' && lengthMs > 0 && lengthMs <= windowMaxMs
      ? lasting(lengthMs, nowMs)
      : wrong(`ttlMs: must be milliseconds, above 0 and at most 100 years; it is ${show(lengthMs)}`);
  }
  if (ttlMs !== undefined) return wrong('ttlMs, expiresAt: say one of them, not both');
  const endMs = expiresAt instanceof Date ? expiresAt.getTime() : Number.NaN;
  if (!(endMs > nowMs && endMs <= nowMs + windowMaxMs)) {
    return wrong('expiresAt: must be a Date in the future, by at most 100 years');
  }
  return { ttlMs: Math.ceil(endMs - nowMs), expiresAtMs: endMs, forRow: { expiresAtMs: endMs } };
}

function lasting(lengthMs: number, nowMs: number): ClaimWindow {
  const ttlMs = Math.ceil(lengthMs);
  return { ttlMs, expiresAtMs: nowMs + ttlMs, forRow: { ttlMs } };
}
