/**
 * A row of a table that is to be adopted, as text: what proposals are derived from.
 * Does not say what a column means: see `propose-columns.ts`.
 */
import type { ColumnKind } from '../column-kind.ts';

export interface SampleRow {
  /** Column name to text, as Postgres prints it; without nulls, and without columns whose text is of no use. */
  readonly texts: ReadonlyMap<string, string>;
  /** Columns that hold a time, in Unix milliseconds; without nulls and infinity. */
  readonly timesMs: ReadonlyMap<string, number>;
}

/** A column as proposals see it. */
export interface SampledColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly notNull: boolean;
  /** A b-tree index can hold it. */
  readonly isSortable: boolean;
  /** An index makes sure that no two rows share a value. */
  readonly isUnique: boolean;
  readonly isPrimaryKey: boolean;
  readonly isTime: boolean;
  /** The labels of an enum; null for other types. */
  readonly labels: readonly string[] | null;
  /** The statistics say that hardly any two rows share a value. */
  readonly seemsUnique: boolean;
}

/** A row and the marker that was seen at its key. */
export interface Sighting {
  readonly row: SampleRow;
  readonly value: string;
  /** When the marker ends, Unix milliseconds by the database; null without an expiry. */
  readonly endsAtMs: number | null;
}
