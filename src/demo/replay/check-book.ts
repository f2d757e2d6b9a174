/**
 * The last word on a replay: the distributor's own book against the claim table.
 * Invariant checked (9): at most one grant for one thing, and every claim settled as its grant says.
 */
import type pg from 'pg';
import type { DemoDistributor } from '../demo-distributor.ts';

export interface BookCheck {
  readonly granted: number;
  /** Things that were handed out under two attempts or more. */
  readonly twice: readonly string[];
  /** Attempts that the book and the table disagree about, or that are not settled. */
  readonly disagreeing: readonly string[];
  readonly isInOrder: boolean;
}

export async function checkBook(pool: pg.Pool, distributor: DemoDistributor): Promise<BookCheck> {
  const granted = new Set<string>();
  const byThing = new Map<string, number>();
  for (const [attempt, { answer, markerKey }] of distributor.book()) {
    if (answer !== 'granted') continue;
    granted.add(attempt);
    byThing.set(markerKey, (byThing.get(markerKey) ?? 0) + 1);
  }
  const { rows } = await pool.query<{ attempt: string; status: string }>(
    'select attempt_id as attempt, status from gift_claim',
  );
  const unwritten = new Set(granted);
  const disagreeing: string[] = [];
  for (const { attempt, status } of rows) {
    unwritten.delete(attempt);
    const agrees = granted.has(attempt) ? status === 'granted' : status === 'failed';
    if (!agrees) disagreeing.push(attempt);
  }
  disagreeing.push(...unwritten);
  const twice = [...byThing].filter(([, grants]) => grants > 1).map(([thing]) => thing);
  const isInOrder = twice.length === 0 && disagreeing.length === 0;
  return { granted: granted.size, twice, disagreeing, isInOrder };
}
