/**
 * Checks a source against its live table, with all problems at once.
 * Invariant kept: looks only; a source without problems can be read without passing over a row.
 */
import type pg from 'pg';
import type { Source } from '../domain/source.ts';
import { liveIndexProblems } from './live-index.ts';
import { positionWarnings } from './position-problems.ts';
import { readTableFacts, type TableFacts } from './table-facts.ts';
import { findSubject, judgeTable } from './table-problems.ts';
import { isUnique } from './table-subject.ts';

export interface TableInspection {
  /** What stops the source from being read; a sentence each, with what to do. */
  readonly problems: readonly string[];
  /** What is allowed but hardly meant. */
  readonly warnings: readonly string[];
  /** The id's type as it is written in a cast; `text` when there is no such column. */
  readonly idType: string;
  /** The same of the column that the source is read by; `text` where it has none. */
  readonly positionType: string;
  /** An index makes sure that no two claims name the same attempt. */
  readonly attemptIsUnique: boolean;
  /** Empty when there is no such table. */
  readonly tableOid: string;
}

/** Works as any role that may connect; not to be called within a transaction. Throws what the driver throws. */
export async function inspectTable(
  client: pg.ClientBase | pg.Pool,
  source: Source,
): Promise<TableInspection> {
  const facts = await readTableFacts(client, source);
  const { problems, warnings } = judgeTable(source, facts);
  const unstamped = problems.length === 0 && (await hasUnstampedRow(client, source, facts));
  const blind = problems.length === 0 ? await unseen(client, source, facts) : [];
  const unguarded = problems.length === 0 ? await missingLiveIndex(client, source, facts) : [];
  return {
    problems: unstamped ? [unstampedRow(source, facts)] : problems,
    warnings: [...blind, ...warnings, ...unguarded],
    idType: typeOf(facts, source.columns.id),
    positionType: typeOf(facts, source.position?.column),
    attemptIsUnique: isUnique(facts.indexes, source.columns.attempt),
    tableOid: facts.relation?.oid ?? '',
  };
}

function typeOf({ columns }: TableFacts, column: string | undefined): string {
  return columns.find(({ name }) => name === column)?.type ?? 'text';
}

/** What a source that is read by a column of its own does not see; with one probe of the index. */
async function unseen(client: pg.ClientBase | pg.Pool, source: Source, facts: TableFacts): Promise<string[]> {
  const { position } = source;
  const subject = findSubject(source, facts);
  if (position === undefined || typeof subject === 'string') return [];
  const hasRowWithout = await hasRowWithNull(client, facts, position.column);
  return positionWarnings(subject, position, hasRowWithout);
}

/** One probe of the index, where the column allows it: rows from before the trigger, never filled in. */
async function hasUnstampedRow(
  client: pg.ClientBase | pg.Pool,
  { columns }: Source,
  facts: TableFacts,
): Promise<boolean> {
  return columns.change !== null && (await hasRowWithNull(client, facts, columns.change));
}

/** @param column that of the reading order */
async function hasRowWithNull(
  client: pg.ClientBase | pg.Pool,
  { relation, quoted_order: quoted, columns }: TableFacts,
  column: string,
): Promise<boolean> {
  const isNullable = columns.some(({ name, not_null: notNull }) => name === column && !notNull);
  if (!isNullable || relation === null) return false;
  const { rows } = await client.query<{ found: boolean }>(
    `select exists (select from ${relation.quoted} where ${quoted} is null) as found`,
  );
  return rows[0]?.found === true;
}

/** Where claims are granted again or written late, a second grant is excluded by such an index only. */
async function missingLiveIndex(
  client: pg.ClientBase | pg.Pool,
  source: Source,
  facts: TableFacts,
): Promise<string[]> {
  const subject = findSubject(source, facts);
  if (source.distributor === null || typeof subject === 'string') return [];
  return liveIndexProblems(client, subject);
}

function unstampedRow(
  { columns }: Source,
  { relation, quoted_order: change, quoted_id: id }: TableFacts,
): string {
  const table = relation?.quoted ?? '';
  return (
    `rows of ${table} have no ${columns.change} and would never be read; fill it in, a range of ids at a time: ` +
    `update ${table} set ${change} = pg_current_xact_id() where ${change} is null and ${id} between … and …; ` +
    `then: alter table ${table} alter column ${change} set not null;`
  );
}
