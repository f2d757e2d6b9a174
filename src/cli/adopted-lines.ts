/**
 * What `adopt` proposes, as a configuration file and as a script for psql.
 * Invariants kept: the file can be loaded if nothing in it is left to a person, and is refused otherwise; the script
 * stops at the first statement that fails, and may be run again.
 */
import { formatDuration } from '../config/duration.ts';
import type { ProposedSource } from '../domain/adoption/propose-source.ts';
import type { MigrationStep } from '../postgres/adoption/migration-step.ts';

/** In place of what a person must say: no name, no duration, no status. */
const open = "'?'";

export function configLines({ name, table, columns, position, marker, statuses }: ProposedSource): string[] {
  return [
    'database:',
    '  url: ${DATABASE_URL}',
    'markerRedis:',
    '  url: ${REDIS_URL}',
    '',
    'sources:',
    `  ${name}:`,
    `    table: ${scalar(table)}`,
    '    columns:',
    `      id: ${scalar(columns.id)}`,
    `      attempt: ${scalar(columns.attempt)}`,
    `      status: ${scalar(columns.status)}`,
    `      ${windowLine(columns.window)}`,
    ...(position === undefined
      ? []
      : [`    position: { column: ${scalar(position.column)}, overlap: ${position.overlap ?? open} }`]),
    '    marker:',
    `      key: ${scalar(marker.key)}`,
    `      value: ${scalar(marker.value)}`,
    ...ttlLine(columns.window),
    '    statuses:',
    `      pending: ${list(statuses.pending)}`,
    `      granted: ${statuses.granted.length === 0 ? open : list(statuses.granted)}`,
    `      released: ${list(statuses.released)}`,
    ...(statuses.undecided.length === 0 ? [] : [`      # in none of them yet: ${list(statuses.undecided)}`]),
    '    mode: observe # it records and tells, and changes nothing; repair is for a person to write',
    '    grace: 1m # longer than a request that writes both stores may take',
  ];
}

/** Steps as a script; empty where nothing is missing. */
export function sqlLines(steps: readonly MigrationStep[], isMigrated: boolean): string[] {
  if (steps.length === 0) return [];
  return [
    '\\set ON_ERROR_STOP on',
    ...(isMigrated
      ? []
      : ['', '-- First, for the function that the trigger calls: claim-reconciler migrate']),
    ...steps.flatMap((step, at) => [
      '',
      ...comment(`${at + 1}. ${step.title}.`),
      ...comment(`Lock: ${step.lock}.`),
      ...comment(`Lasts: ${step.lasts}.`),
      ...(step.isTransaction ? ['begin;'] : []),
      ...step.statements.map((statement) => `${statement};`),
      ...(step.isTransaction ? ['commit;'] : []),
    ]),
  ];
}

function windowLine(window: ProposedSource['columns']['window']): string {
  if (window.kind === 'unknown') return `expiresAt: ${open}`;
  const key = window.kind === 'expires_at' ? 'expiresAt' : 'createdAt';
  return `${key}: ${scalar(window.column)}`;
}

function ttlLine(window: ProposedSource['columns']['window']): string[] {
  if (window.kind !== 'created_at') return [];
  return [`      ttl: ${window.ttlMs === null ? open : formatDuration(window.ttlMs)}`];
}

function list(words: readonly string[]): string {
  return `[${words.map((word) => scalar(word)).join(', ')}]`;
}

/** Quoted unless it is a plain word, which YAML takes for text. Environment variables are not to be filled in. */
function scalar(text: string | null): string {
  if (text === null) return open;
  const written = text.replaceAll('${', '$${');
  // A line break would end a comment, and is a blank between single quotes.
  if (/\p{Cc}/u.test(written)) return JSON.stringify(written);
  const isPlain = /^[A-Za-z][\w.]*$/.test(written) && !/^(null|true|false)$/i.test(written);
  return isPlain ? written : `'${written.replaceAll("'", "''")}'`;
}

/** At most 110 characters a line. */
function comment(text: string): string[] {
  const lines = text.match(/.{1,107}(?:\s|$)/g) ?? [];
  return lines.map((line, at) => `-- ${at === 0 ? '' : '  '}${line.trimEnd()}`);
}
