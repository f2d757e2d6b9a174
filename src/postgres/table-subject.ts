/**
 * A source beside its table, and what the judging of the two shares.
 * Does not judge: see `table-problems.ts`.
 */
import type { Source } from '../domain/source.ts';
import type { ColumnFacts, IndexFacts, RelationFacts, TableFacts } from './table-facts.ts';

/** The facts of a table that is there. */
export interface Subject {
  readonly source: Source;
  readonly facts: TableFacts;
  readonly relation: RelationFacts;
}

export function columnOf({ facts }: Subject, name: string): ColumnFacts | undefined {
  return facts.columns.find((column) => column.name === name);
}

/** An index makes sure that no two rows share a value of this column. */
export function isUnique(indexes: readonly IndexFacts[], column: string): boolean {
  return indexes.some(
    ({ is_unique, valid, partial, columns }) =>
      is_unique && valid && !partial && columns.length === 1 && columns[0] === column,
  );
}

/** The first few names, and how many more there are. */
export function shorten(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
