/**
 * What keeps the gate from writing claims into a table: columns that it cannot fill in, texts that it cannot know
 * beforehand, keys that two claims could share.
 * Invariant kept: every sentence names the thing and what to do; a statement in it can be run as it is.
 * Does not look at indexes over live claims, whose conditions Postgres has to evaluate: see `live-index.ts`.
 */
import pg from 'pg';
import { claimStatuses } from '../domain/claim.ts';
import { kindOfType, type ColumnKind } from '../domain/column-kind.ts';
import type { TemplateJudgement } from '../domain/template-ambiguity.ts';
import type { ColumnFacts } from './table-facts.ts';
import { writtenColumns, type Need } from './table-problems.ts';
import { columnOf, isUnique, type Subject } from './table-subject.ts';

const { escapeIdentifier } = pg;

export function writeProblems(subject: Subject, key: TemplateJudgement): string[] {
  return [
    ...attemptProblems(subject),
    ...wordProblems(subject),
    ...new Set(writtenColumns(subject.source).flatMap((need) => columnProblems(subject, need))),
    ...keyProblems(key),
  ];
}

/** A domain counts as the type it is made of: what it adds is a check, and it prints the same. */
export function kindOf({ labels, base_type: type }: ColumnFacts): ColumnKind {
  return labels === null ? kindOfType(type) : 'text';
}

/** The attempt is chosen before the row is there, and is what a claim is found by when answers were lost. */
function attemptProblems(subject: Subject): string[] {
  const { relation, source, facts } = subject;
  const name = source.columns.attempt;
  const column = columnOf(subject, name);
  if (column === undefined) return [];
  if (column.made) {
    return [
      `the column ${name} (columns.attempt) is made by Postgres when the row is written, but an attempt is chosen before: add a column for it, such as alter table ${relation.quoted} add column attempt_id uuid not null default gen_random_uuid() unique; and name it as columns.attempt`,
    ];
  }
  const problems: string[] = [];
  if (column.labels !== null || !['text', 'uuid'].includes(kindOf(column))) {
    problems.push(
      `the column ${name} (columns.attempt) is of type ${column.type}, and must be text or uuid: attempts are random uuids unless the application chooses them`,
    );
  }
  if (!isUnique(facts.indexes, name)) {
    const create = `${relation.quoted} (${escapeIdentifier(name)});`;
    const remedy =
      relation.kind === 'p'
        ? `name each partition as a source of its own, unless ${relation.quoted} is partitioned by that column: then run: create unique index on ${create}`
        : `run: create unique index concurrently on ${create}`;
    problems.push(
      `the column ${name} (columns.attempt) has no unique index of its own, by which an attempt is found and cannot be written twice; ${remedy}`,
    );
  }
  return problems;
}

function wordProblems({ source: { statuses } }: Subject): string[] {
  return claimStatuses
    .filter((status) => statuses[status].length === 0)
    .map(
      (status) =>
        `statuses.${status} names no word, and the gate writes the first of each: name at least one`,
    );
}

/** A column that the gate gives to each new claim. */
function columnProblems(subject: Subject, { column: name, key }: Need): string[] {
  const column = columnOf(subject, name);
  const { attempt, status, change } = subject.source.columns;
  if (column === undefined || name === attempt) return [];
  if (column.made) {
    return [
      `the column ${name} (${key}) is made by Postgres when the row is written, but the gate has to give it: name another`,
    ];
  }
  if (!key.startsWith('marker.')) return [];
  if (name === status || name === change) {
    return [`the column ${name} (${key}) changes while the marker stays as it was: name another`];
  }
  if (kindOf(column) !== 'other') return [];
  return [
    `the column ${name} (${key}) is of type ${column.type}, and the gate cannot know how Postgres will print its values: use an integer, uuid, boolean, text or varchar column, or an enum`,
  ];
}

function keyProblems(key: TemplateJudgement): string[] {
  if (key.kind === 'unambiguous') return [];
  return [
    `marker.key can be the same for two claims: ${key.why}; put a text between its columns that their values cannot hold, such as a colon`,
  ];
}
