/**
 * Tells an answer of a distributor from everything else that may come back, over the wire or from a module.
 * Invariant kept: only an explicit answer counts; what is half an answer is none.
 */
import type { LookupAnswer } from '../domain/distributor.ts';
import { plainReason } from './plain-reason.ts';

/** Null for what is no answer: a word that is not known, or a refusal without its reason. */
export function readAnswer(kind: unknown, reason: unknown): LookupAnswer | null {
  switch (kind) {
    case 'granted':
    case 'not_granted':
      return { kind };
    case 'refused':
    case 'unknown':
      return typeof reason === 'string' && reason.trim() !== ''
        ? { kind, reason: plainReason(reason) }
        : null;
    default:
      return null;
  }
}
