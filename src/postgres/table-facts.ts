/**
 * What the catalog says about a claim table, as one look by the role that will read it.
 * Does not judge: see `table-problems.ts`.
 */
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import type { Source } from '../domain/source.ts';

export interface ColumnFacts {
  readonly name: string;
  readonly not_null: boolean;
  /** As it can be written in a cast. */
  readonly type: string;
  /** The type behind a domain; the same as `type` for others. */
  readonly base_type: string;
  /** Of an enum, in its order. */
  readonly labels: readonly string[] | null;
  /** A b-tree index can hold it. */
  readonly sortable: boolean;
  /** Postgres makes its values: a generated column, or an identity that is always generated. */
  readonly made: boolean;
  /** An insert must give it: it may not be null, and neither a default nor a trigger may fill it in. */
  readonly demanded: boolean;
  readonly selectable: boolean;
  readonly insertable: boolean;
  readonly updatable: boolean;
}

export interface IndexFacts {
  readonly name: string;
  /** Key columns in order; an expression is an empty text. */
  readonly columns: readonly string[];
  /** The first two columns run in the same direction. */
  readonly one_way: boolean;
  readonly is_unique: boolean;
  readonly partial: boolean;
  /** The condition of a partial index, with column names as they are written in SQL. */
  readonly condition: string | null;
  /** False for a constraint that is checked at the end of the transaction. */
  readonly immediate: boolean;
  /** Of a unique index: two nulls are equal. */
  readonly nulls_equal: boolean;
  /** False for one whose build failed or has not ended. */
  readonly valid: boolean;
}

export interface RelationFacts {
  readonly oid: string;
  /** `r` table, `p` partitioned table, `v` view, `m` materialised view, `f` foreign table. */
  readonly kind: 'r' | 'p' | 'v' | 'm' | 'f';
  /** `p` permanent, `u` unlogged, `t` temporary. */
  readonly persistence: 'p' | 'u' | 't';
  /** Schema and name as they are written in SQL. */
  readonly quoted: string;
  readonly schema_usage: boolean;
  /** Policies hide rows from this role. */
  readonly row_security: boolean;
  /** Child tables by inheritance, partitions not counted. */
  readonly children: number;
}

export interface TableFacts {
  readonly relation: RelationFacts | null;
  readonly columns: readonly ColumnFacts[];
  readonly indexes: readonly IndexFacts[];
  /** A trigger on the table that stamps every inserted and updated row; `always`: even during replication. */
  readonly trigger: { readonly name: string; readonly always: boolean } | null;
  readonly partitions: number;
  /** Where rows are stored without such a trigger that always fires: the table itself or partitions of it. */
  readonly unstamped: readonly string[];
  readonly foreign_partitions: readonly string[];
  /** Sequences that defaults of the table draw from, and that the role may not. */
  readonly closed_sequences: readonly string[];
  /** Schema and name of every table, that of the source's schema first; empty when the table exists. */
  readonly tables: readonly (readonly [string, string])[];
  readonly schema_exists: boolean;
  /** The column of the reading order: the stamped one, or the position's. */
  readonly quoted_order: string;
  readonly quoted_id: string;
  readonly role: string;
  /** Null before the first migration. */
  readonly own_schema: {
    readonly usage: boolean;
    readonly stamps: boolean;
    /** Rights on each of its tables: `select`, `insert`, `update`, `delete`. */
    readonly held: Readonly<Record<string, readonly string[]>>;
  } | null;
}

const statement = readFileSync(new URL('./inspect-table.sql', import.meta.url), 'utf8');

export async function readTableFacts(
  client: pg.ClientBase | pg.Pool,
  source: Pick<Source, 'table' | 'columns' | 'position'>,
): Promise<TableFacts> {
  const { table, columns, position } = source;
  const { rows } = await client.query<{ facts: TableFacts }>(statement, [
    table.schema,
    table.name,
    columns.change ?? position?.column,
    columns.id,
  ]);
  const facts = rows[0]?.facts;
  if (facts === undefined) throw new Error('the catalog query returned no row');
  return facts;
}
