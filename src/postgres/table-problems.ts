/**
 * Judges what the catalog says about a claim table: what stops a source from being read, and what is merely odd.
 * Invariant kept: every sentence names the thing and what to do; a statement in it can be run as it is.
 * Pure: does not read anything.
 */
import { didYouMean, nearestName } from '../domain/nearest-name.ts';
import { claimStatuses } from '../domain/claim.ts';
import { windowColumn, type Source } from '../domain/source.ts';
import { templateColumns } from '../domain/template.ts';
import { ownAccess, tableAccess, writeAccess } from './access-problems.ts';
import { readingProblems } from './reading-problems.ts';
import type { ColumnFacts, TableFacts } from './table-facts.ts';
import { columnOf, isUnique, shorten, type Subject } from './table-subject.ts';

export interface Findings {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** A column that the source needs, and the key of the configuration that says so. */
export interface Need {
  readonly column: string;
  readonly key: string;
}

const otherKinds = {
  v: 'a view',
  m: 'a materialised view',
  f: 'a foreign table',
} as const;

export function judgeTable(source: Source, facts: TableFacts): Findings {
  const subject = findSubject(source, facts);
  if (typeof subject === 'string') {
    return { problems: [subject, ...(facts.relation === null ? ownAccess(facts) : [])], warnings: [] };
  }
  const { missing, window, words } = mappingProblems(subject);
  return {
    problems: [
      ...missing,
      ...readingProblems(subject),
      ...window,
      ...words,
      ...tableAccess(subject, neededColumns(source, facts)),
      ...(source.distributor === null ? [] : writeAccess(subject, insertedColumns(subject))),
      ...ownAccess(facts),
    ],
    warnings: tableWarnings(subject),
  };
}

/** The table that a source names, or why it will not do. */
export function findSubject(source: Source, facts: TableFacts): Subject | string {
  const { relation } = facts;
  if (relation === null) return noTable(source, facts);
  if (relation.kind === 'r' || relation.kind === 'p') return { source, facts, relation };
  return `${relation.quoted} is ${otherKinds[relation.kind]}: name the table behind it, whose rows a trigger can stamp`;
}

/** Where the mapping does not fit the table: columns that are not there, a window that is no time, words of no status. */
export function mappingProblems(
  subject: Subject,
): Readonly<Record<'missing' | 'window' | 'words', string[]>> {
  return {
    missing: missingColumns(subject),
    window: expiryProblems(subject),
    words: statusProblems(subject),
  };
}

export function noTable({ table }: Pick<Source, 'table'>, facts: TableFacts): string {
  const { tables } = facts;
  const nearest = nearestName(
    table.name,
    tables.map(([, name]) => name),
  );
  const found = tables.find(([, name]) => name === nearest);
  const hint = found === undefined ? '' : `; did you mean ${found.join('.')}?`;
  if (!facts.schema_exists) return `there is no schema ${table.schema} in this database${hint}`;
  return `there is no table ${table.schema}.${table.name} in this database${hint}`;
}

function needs({ columns, marker, position }: Source): Need[] {
  const window = windowColumn(columns.expiry);
  return [
    ...(position === undefined ? [] : [{ column: position.column, key: 'position.column' }]),
    { column: columns.id, key: 'columns.id' },
    { column: columns.attempt, key: 'columns.attempt' },
    { column: columns.status, key: 'columns.status' },
    ...(window === null ? [] : [{ column: window.column, key: `columns.${window.key}` }]),
    ...templateColumns(marker.key).map((column) => ({ column, key: 'marker.key' })),
    ...templateColumns(marker.value ?? []).map((column) => ({ column, key: 'marker.value' })),
  ];
}

/** Whoever grants a claim again tells the distributor all of it. */
function neededColumns(source: Source, facts: TableFacts): ReadonlySet<string> {
  if (source.distributor !== null) return new Set(facts.columns.map(({ name }) => name));
  const { change } = source.columns;
  return new Set([...needs(source).map(({ column }) => column), ...(change === null ? [] : [change])]);
}

/** What a claim that was granted and never written is written with: nothing, where Postgres makes the attempt. */
function insertedColumns(subject: Subject): ReadonlySet<string> {
  const { source } = subject;
  if (columnOf(subject, source.columns.attempt)?.made === true) return new Set();
  return new Set(writtenColumns(source).map(({ column }) => column));
}

/** The columns that every new claim is given. */
export function writtenColumns(source: Source): Need[] {
  return needs(source).filter(({ key }) => key !== 'columns.id' && key !== 'position.column');
}

function missingColumns(subject: Subject): string[] {
  const known = subject.facts.columns.map(({ name }) => name);
  return needs(subject.source)
    .filter(({ column }) => !known.includes(column))
    .map(({ column, key }) => {
      const hint = didYouMean(column, known);
      return `${subject.relation.quoted} has no column ${column} (${key})${hint}${hint === '' ? '; it' : ' It'} has ${known.join(', ')}`;
    });
}

function expiryProblems(subject: Subject): string[] {
  const { column: name, key } = windowColumn(subject.source.columns.expiry) ?? {};
  const column = name === undefined ? undefined : columnOf(subject, name);
  if (column === undefined || column.base_type.startsWith('timestamp ')) return [];
  return [
    `the column ${name} (columns.${key}) is of type ${column.type}, and must be timestamptz (timestamp with time zone)`,
  ];
}

/** Words that the status column can never hold. */
function statusProblems(subject: Subject): string[] {
  const { statuses, columns } = subject.source;
  const column = columnOf(subject, columns.status);
  if (column === undefined) return [];
  const { labels } = column;
  return claimStatuses.flatMap((status) =>
    statuses[status]
      .filter((word) => !canHold(column, word))
      .map((word) => {
        const hint = labels === null ? '' : didYouMean(word, labels) || `; it has ${labels.join(', ')}`;
        return `the column ${columns.status} is of type ${column.type}, which has no value ${JSON.stringify(word)} (statuses.${status})${hint}`;
      }),
  );
}

function canHold({ labels, base_type: type }: ColumnFacts, word: string): boolean {
  if (labels !== null) return labels.includes(word);
  if (type === 'boolean') return word === 'true' || word === 'false';
  if (type === 'smallint' || type === 'integer' || type === 'bigint') return /^(0|-?[1-9]\d*)$/.test(word);
  return true;
}

function tableWarnings(subject: Subject): string[] {
  const { facts, relation, source } = subject;
  const { columns, rules } = source;
  const warnings: string[] = [];
  const expiryColumn = columnOf(subject, windowColumn(columns.expiry)?.column ?? '');
  if (expiryColumn?.base_type === 'timestamp without time zone') {
    warnings.push(`the column ${expiryColumn.name} has no time zone: its times are taken as UTC`);
  }
  if (columns.change !== null && columnOf(subject, columns.change)?.not_null === false) {
    warnings.push(
      `the column ${columns.change} may be null, and such a row is never read; run: alter table ${relation.quoted} alter column ${facts.quoted_order} set not null;`,
    );
  }
  const isAssumed = rules.valueNamesAttempt && source.marker.valueIsUnique === undefined;
  if (isAssumed && !isUnique(facts.indexes, columns.attempt)) {
    warnings.push(
      `the column ${columns.attempt} (columns.attempt) has no unique index, so a newer attempt may store the same marker value as an older one: repairs are more careful than they need be if attempts are unique; add the index, or set marker.valueIsUnique to true`,
    );
  }
  if (relation.persistence === 'u') {
    warnings.push(
      `${relation.quoted} is unlogged: Postgres empties it after a crash, and all claims are gone`,
    );
  }
  const mapped = new Set(claimStatuses.flatMap((status) => source.statuses[status]));
  const unmapped = (columnOf(subject, columns.status)?.labels ?? []).filter((label) => !mapped.has(label));
  if (unmapped.length > 0) {
    warnings.push(
      `statuses does not say what ${shorten(unmapped)} means: claims in it will be recorded as unreadable_claim`,
    );
  }
  return warnings;
}
