/**
 * Asks the distributor what became of attempts, in one pass or one plan: some at a time, and not for longer than it makes
 * sense. Once it has left more questions without an answer than it answered, it counts as away and is asked no more: a pass
 * must not last for as many time-outs as there are claims in doubt.
 * Invariant kept (5): no answer is an answer of its own, never "not granted".
 */
import type { LookupAnswer } from '../domain/distributor.ts';
import { askWhatBecame } from '../distributor/ask.ts';
import type { SourceContext } from './source-context.ts';

/** Questions on their way at one time; and how many without an answer show that it is away. */
const questionsInFlight = 8;

export class Inquiry {
  readonly signal: AbortSignal;
  readonly #context: Pick<SourceContext, 'distributor' | 'distributorTimeoutMs'>;
  #answered = 0;
  #unanswered = 0;

  constructor(context: Pick<SourceContext, 'distributor' | 'distributorTimeoutMs'>, signal: AbortSignal) {
    this.#context = context;
    this.signal = signal;
  }

  /** One answer for each attempt, in order; null where there is none to ask about, or nobody to ask. */
  async about(attempts: readonly (string | null)[]): Promise<(LookupAnswer | null)[]> {
    const answers: (LookupAnswer | null)[] = attempts.map(() => null);
    const asked = attempts.flatMap((attempt, at) => (attempt === null ? [] : [{ attempt, at }]));
    for (let from = 0; from < asked.length; from += questionsInFlight) {
      this.signal.throwIfAborted();
      const some = asked.slice(from, from + questionsInFlight);
      const said = await Promise.all(some.map(async ({ attempt }) => this.#ask(attempt)));
      for (const [n, { at }] of some.entries()) answers[at] = said[n] ?? null;
    }
    return answers;
  }

  async #ask(attempt: string): Promise<LookupAnswer | null> {
    const { distributor, distributorTimeoutMs } = this.#context;
    if (distributor === null) return null;
    if (this.#unanswered >= questionsInFlight && this.#unanswered > this.#answered) {
      return { kind: 'unknown', reason: 'it left most of those asked before without an answer' };
    }
    const answer = await askWhatBecame(distributor, attempt, distributorTimeoutMs, this.signal);
    if (answer.kind === 'unknown') this.#unanswered += 1;
    else this.#answered += 1;
    return answer;
  }
}
