/**
 * A table that is to be adopted, as the catalog knows it: columns, indexes, size, partitions.
 * Invariant kept: reads no row of the table.
 */
import { readFileSync } from 'node:fs';
import type pg from 'pg';
import type { SampledColumn } from '../../domain/adoption/sample-row.ts';
import { kindOfType } from '../../domain/column-kind.ts';
import { OperatingError } from '../../domain/operating-error.ts';
import { readTableFacts, type ColumnFacts, type TableFacts } from '../table-facts.ts';
import { noTable } from '../table-problems.ts';
import { isUnique } from '../table-subject.ts';

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** What is measured beside the facts; names of partitions and indexes as they are written in SQL. */
export interface Measures {
  /** An estimate, as of the last analyze. */
  readonly rows: number;
  readonly bytes: number;
  readonly pages: number;
  /** The partitioned table that this one is a partition of, at the top. */
  readonly root: string | null;
  readonly partitions: readonly {
    readonly name: string;
    readonly quoted: string;
    readonly quoted_schema: string;
    /** 1: directly below the table. */
    readonly level: number;
    /** A name for its index on changes. */
    readonly index: string;
    /** There is one of that name, and it is not valid: its build failed or has not ended. */
    readonly broken: boolean;
  }[];
  /** Names for what it may get: the index on changes, that on ids, the trigger. */
  readonly index: string;
  readonly unique_index: string;
  readonly trigger: string;
  readonly quoted_schema: string;
  /** It is replicated logically to somebody. */
  readonly published: boolean;
  readonly primary_key: string | null;
  readonly seemingly_unique: readonly string[];
}

export interface LookedAtTable {
  readonly table: TableName;
  readonly facts: TableFacts;
  readonly measures: Measures;
  readonly columns: readonly SampledColumn[];
}

const measure = readFileSync(new URL('./measure-table.sql', import.meta.url), 'utf8');

/** The columns of the source are not known yet: only the table's own facts are used. */
const unknownColumns = { id: 'id', attempt: '', status: '', change: 'change_xid', expiry: { expiresAt: '' } };

/** Throws `configuration` for what is no table, with the name that was probably meant. */
export async function lookAtTable(
  client: pg.ClientBase,
  table: TableName,
  idColumn = unknownColumns.id,
): Promise<LookedAtTable> {
  const source = { table, columns: { ...unknownColumns, id: idColumn } };
  const facts = await readTableFacts(client, source);
  if (facts.relation === null) throw cannotAdopt(noTable(source, facts));
  const { rows } = await client.query<{ measures: Measures }>(measure, [table.schema, table.name]);
  const measures = rows[0]?.measures;
  if (measures === undefined) {
    throw cannotAdopt(
      `${facts.relation.quoted} is no table: name the table behind it, whose rows a trigger can stamp`,
    );
  }
  return { table, facts, measures, columns: facts.columns.map((column) => sampled(column, facts, measures)) };
}

function cannotAdopt(why: string): OperatingError {
  return new OperatingError('configuration', `Cannot propose anything; nothing was changed: ${why}.`);
}

function sampled(column: ColumnFacts, facts: TableFacts, measures: Measures): SampledColumn {
  const { name, labels, not_null: notNull, sortable, base_type: type } = column;
  return {
    name,
    kind: labels === null ? kindOfType(type) : 'text',
    notNull,
    isSortable: sortable,
    isUnique: isUnique(facts.indexes, name),
    isPrimaryKey: measures.primary_key === name,
    isTime: type.startsWith('timestamp '),
    labels,
    seemsUnique: measures.seemingly_unique.includes(name),
  };
}
