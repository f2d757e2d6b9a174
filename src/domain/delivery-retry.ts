/**
 * When a message that could not be delivered is tried again, and when no more.
 * Invariant kept: a receiver that is down for less than a day misses nothing, however many tries that takes.
 * Does not count: attempts and times come from the outbox.
 */

/** What came of one try. `isLasting`: the same answer is to be expected next time, unless a person changes something. */
export type DeliveryTry =
  | { readonly kind: 'delivered' }
  | {
      readonly kind: 'failed';
      readonly reason: string;
      readonly isLasting: boolean;
      /** How long the receiver wants to be left alone. */
      readonly waitMs: number | null;
    };

export type NextTry = { readonly kind: 'again'; readonly delayMs: number } | { readonly kind: 'give_up' };

/** Short enough that a receiver that was restarted is told at once. */
const firstDelayMs = 5_000;
/** The most, also for a receiver that wants to be left alone for longer: a day has at least 24 tries. */
const delayMaxMs = 60 * 60_000;
const patienceMs = 24 * 60 * 60_000;
/** With nothing else in between, about ten minutes after the first: a wrong address helps nobody for a day. */
const refusalsMax = 8;

/**
 * @param attempts tries so far, this one included @param refusals the last of them that failed lastingly, in a row
 * @param triedForMs since the first try @param random from 0 to below 1: half of each delay is by chance
 */
export function nextTry(
  tries: { readonly attempts: number; readonly refusals: number; readonly triedForMs: number },
  waitMs: number | null,
  random: number,
): NextTry {
  if (tries.refusals >= refusalsMax || tries.triedForMs >= patienceMs) return { kind: 'give_up' };
  const wholeMs = Math.min(delayMaxMs, firstDelayMs * 2 ** Math.min(tries.attempts - 1, 20));
  const delayMs = Math.round(wholeMs * (0.5 + random / 2));
  return { kind: 'again', delayMs: Math.max(delayMs, Math.min(waitMs ?? 0, delayMaxMs)) };
}
