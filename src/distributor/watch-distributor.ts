/**
 * A distributor that is watched: whoever wants to know is told what each question was answered, and after how long.
 * Invariant kept: what is asked and answered stays as it is. A question that nobody waits for any more counts as
 * `unknown`, once, whatever comes back later.
 */
import type { Distributor, LookupAnswer } from '../domain/distributor.ts';
import { answerToGrant, readSaid } from './ask.ts';

export const questions = ['lookup', 'grant'] as const;

export interface Asked {
  readonly question: (typeof questions)[number];
  readonly answer: LookupAnswer['kind'];
  readonly durationMs: number;
}

/** @param onAsked told after each question; must not throw */
export function watchDistributor(distributor: Distributor, onAsked: (asked: Asked) => void): Distributor {
  return {
    grant: async (grant, signal) =>
      watched('grant', async () => distributor.grant(grant, signal), signal, onAsked),
    lookup: async (attempt, signal) =>
      watched('lookup', async () => distributor.lookup(attempt, signal), signal, onAsked),
  };
}

async function watched<Answer>(
  question: Asked['question'],
  ask: () => Promise<Answer>,
  signal: AbortSignal,
  onAsked: (asked: Asked) => void,
): Promise<Answer> {
  const beganMs = performance.now();
  let isTold = false;
  const tell = (answer: Asked['answer']): void => {
    if (!isTold) onAsked({ question, answer, durationMs: performance.now() - beganMs });
    isTold = true;
  };
  const giveUp = (): void => tell('unknown');
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    const said = await ask();
    tell(kindOf(question, said));
    return said;
  } catch (error) {
    tell('unknown');
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** As whoever asked takes it. */
function kindOf(question: Asked['question'], said: unknown): Asked['answer'] {
  const answer = readSaid(said);
  if (answer === null) return 'unknown';
  return question === 'grant' ? answerToGrant(answer).kind : answer.kind;
}
