/**
 * Statements that are prepared once on each connection and then only called.
 * Invariant kept: a name stands for one text, whatever the source and the columns given.
 */
import { createHash } from 'node:crypto';

export interface NamedStatement {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/** @param text must be one of few: each is kept on every connection for as long as that lives */
export function named(text: string, values: readonly unknown[]): NamedStatement {
  const name = `claim_${createHash('sha1').update(text).digest('hex')}`;
  return { name, text, values: [...values] };
}
