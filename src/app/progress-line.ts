/**
 * The progress of a reading as one line for a terminal: how much is judged, how fast, and how long the rest will take.
 * Invariant kept: what is left is never promised before there is a pace to tell it by.
 */
import { duration } from '../reconcile/describe-plan.ts';
import type { ReadingProgress } from '../reconcile/reading-progress.ts';

/** The pace is that of the last half minute, since it changes with what else the stores have to do. */
const paceMs = 30_000;

export class ProgressLine {
  readonly #source: string;
  #moments: { readonly checked: number; readonly atMs: number }[];

  /** @param startedAtMs on any clock that does not jump; the same as later */
  constructor(source: string, startedAtMs: number) {
    this.#source = source;
    this.#moments = [{ checked: 0, atMs: startedAtMs }];
  }

  next({ checked, expected }: ReadingProgress, atMs: number): string {
    this.#moments.push({ checked, atMs });
    // The oldest moment within the time, and the one before it, so that there always are two.
    const recent = this.#moments.findIndex((moment) => atMs - moment.atMs <= paceMs);
    this.#moments = this.#moments.slice(Math.max(0, recent - 1));
    const [first = { checked: 0, atMs }] = this.#moments;
    const perSecond = atMs > first.atMs ? ((checked - first.checked) * 1_000) / (atMs - first.atMs) : 0;
    const pace = perSecond > 0 ? `, ${Math.round(perSecond).toLocaleString('en')} a second` : '';
    return `${this.#source}: ${checked.toLocaleString('en')}${ofAll(checked, expected)} claims judged${pace}${left(checked, expected, perSecond)}`;
  }
}

/** The planner's guess may be too low. */
function ofAll(checked: number, expected: number | null): string {
  if (expected === null || expected <= checked) return '';
  return ` of about ${expected.toLocaleString('en')}`;
}

function left(checked: number, expected: number | null, perSecond: number): string {
  if (expected === null || expected <= checked || perSecond <= 0) return '';
  return `, about ${duration(((expected - checked) / perSecond) * 1_000)} left`;
}
