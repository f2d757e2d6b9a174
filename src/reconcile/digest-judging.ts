/**
 * How a source is configured to judge, in one word: the same in processes that find the same in the same stores.
 */
import { createHash } from 'node:crypto';
import type { Source } from '../domain/source.ts';

/** In hexadecimal. Whom to ask, when to begin and how far to go back are no part of it. */
export function digestJudging({ table, columns, marker, statuses, rules }: Source): string {
  const text = JSON.stringify([table, columns, marker, statuses, rules]);
  return createHash('sha256').update(text).digest('hex');
}
