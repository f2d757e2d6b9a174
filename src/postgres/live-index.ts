/**
 * Does an index make sure that one marker never has two live claims? It is the last line of defence against a second
 * grant, when a marker is lost.
 * Invariant kept: only what was verified counts. An index's condition is evaluated by Postgres for each word of a live
 * status; one that depends on other columns cannot be.
 */
import pg from 'pg';
import { templateColumns } from '../domain/template.ts';
import { sqlStateOf } from './sql-state.ts';
import type { IndexFacts } from './table-facts.ts';
import { columnOf, shorten, type Subject } from './table-subject.ts';

const { escapeIdentifier, escapeLiteral } = pg;

/** What is missing, a sentence each with what to run; empty when there is such an index. */
export async function liveIndexProblems(
  client: pg.ClientBase | pg.Pool,
  subject: Subject,
): Promise<string[]> {
  const keyColumns = templateColumns(subject.source.marker.key);
  if (keyColumns.some((name) => columnOf(subject, name) === undefined)) return [];
  const candidates = subject.facts.indexes.filter(
    ({ is_unique: isUnique, columns }) => isUnique && isSameSet(columns, keyColumns),
  );
  let fault: string | null = null;
  for (const index of candidates) {
    const found = await faultOf(client, subject, index);
    if (found === null) return index.nulls_equal ? [] : nullProblems(subject, keyColumns);
    fault ??= found;
  }
  return [missing(subject, keyColumns, fault), ...nullProblems(subject, keyColumns)];
}

/** The same names, in any order and however often. */
export function isSameSet(names: readonly string[], others: readonly string[]): boolean {
  return names.every((name) => others.includes(name)) && others.every((name) => names.includes(name));
}

/** Why an index over the right columns will not do; null if it will. */
async function faultOf(
  client: pg.ClientBase | pg.Pool,
  subject: Subject,
  { name, valid, immediate, condition }: IndexFacts,
): Promise<string | null> {
  if (!valid) return `${name} is not valid (its build failed or has not ended; drop it)`;
  if (!immediate) return `${name} is checked at the end of a transaction only`;
  if (condition === null) return null;
  const uncovered = await uncoveredWords(client, subject, condition);
  if (uncovered === 'unverified') {
    return `the condition of ${name}, ${condition}, depends on more than the status, or cannot be evaluated`;
  }
  return uncovered.length === 0 ? null : `${name} leaves out claims whose status is ${shorten(uncovered)}`;
}

/**
 * The live words for which the condition is not true. Runs in a transaction of its own that cannot write, since a
 * condition may call functions: not to be called within another.
 */
async function uncoveredWords(
  client: pg.ClientBase | pg.Pool,
  subject: Subject,
  condition: string,
): Promise<readonly string[] | 'unverified'> {
  const words = liveWords(subject);
  const status = columnOf(subject, subject.source.columns.status);
  if (status === undefined || words.length === 0) return [];
  const name = escapeIdentifier(status.name);
  const list = words.map((word) => `(${escapeLiteral(word)})`).join(', ');
  try {
    // Called like its only column, so that no other name means anything in the condition.
    const results: unknown = await client.query(`set local transaction_read_only = on;
      select ${name}::text as word from (select word::${status.type} as ${name} from (values ${list}) live (word)) ${name}
      where (${condition}) is not true`);
    const [, found] = results as readonly pg.QueryResult<{ word: string }>[];
    return (found?.rows ?? []).map(({ word }) => word);
  } catch (error) {
    // What the condition itself leads to; trouble with the server says nothing about it.
    if (!/^(0A|22|23|25|42|P0)/.test(sqlStateOf(error) ?? '')) throw error;
    return 'unverified';
  }
}

function missing(subject: Subject, keyColumns: readonly string[], fault: string | null): string {
  const { relation, source } = subject;
  const columns = keyColumns.map((name) => escapeIdentifier(name)).join(', ');
  const words = liveWords(subject)
    .map((word) => escapeLiteral(word))
    .join(', ');
  const on = `on ${relation.quoted} (${columns}) where ${escapeIdentifier(source.columns.status)} in (${words});`;
  const remedy =
    relation.kind === 'p'
      ? `name each partition as a source of its own, unless ${relation.quoted} is partitioned by columns of marker.key: then run: create unique index ${on}`
      : `run: create unique index concurrently ${on}`;
  const why = fault === null ? '' : ` (${fault})`;
  return `${relation.quoted} has no unique index over the live claims of one marker${why}, and without it two could be granted; ${remedy}`;
}

function nullProblems(subject: Subject, keyColumns: readonly string[]): string[] {
  const { relation } = subject;
  const nullable = keyColumns.filter((name) => columnOf(subject, name)?.not_null === false);
  if (nullable.length === 0) return [];
  const changes = nullable.map((name) => `alter column ${escapeIdentifier(name)} set not null`).join(', ');
  return [
    `${shorten(nullable)} of ${relation.quoted} (marker.key) may be null, and a unique index takes no two nulls for equal; run: alter table ${relation.quoted} ${changes};`,
  ];
}

function liveWords({ source: { statuses } }: Subject): string[] {
  return [...statuses.pending, ...statuses.granted];
}
