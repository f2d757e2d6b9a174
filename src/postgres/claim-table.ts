/**
 * A claim table that the gate may write: checked against the live table once, before the first claim.
 * Invariant kept: a table that passes has an index against a second live claim on one marker, finds attempts by index,
 * and gives different claims different markers, as long as texts leave out what `forbidden` says.
 * Looks only. Whether the reconciler can read the table (trigger, index on changes) is for `check` to say.
 */
import pg from 'pg';
import type { ReadableClaim } from '../domain/claim.ts';
import type { ColumnKind } from '../domain/column-kind.ts';
import type { ColumnValue } from '../domain/open-claim.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { Source } from '../domain/source.ts';
import { judgeTemplate, type ForbiddenTexts } from '../domain/template-ambiguity.ts';
import { templateColumns } from '../domain/template.ts';
import { tableAccess, writeAccess } from './access-problems.ts';
import { selectClaims } from './claims.ts';
import { ownColumns } from './insert-statement.ts';
import { liveIndexProblems } from './live-index.ts';
import { changeProblems, idProblems } from './reading-problems.ts';
import { describeSource, type SourceSql } from './source-sql.ts';
import { readTableFacts } from './table-facts.ts';
import { findSubject, mappingProblems, writtenColumns } from './table-problems.ts';
import { columnOf, type Subject } from './table-subject.ts';
import { kindOf, writeProblems } from './write-problems.ts';

export interface ClaimColumn {
  readonly name: string;
  /** As the catalog prints it; the type behind a domain. */
  readonly sqlType: string;
  readonly kind: ColumnKind;
  /** The application may give it: Postgres does not make it, the role may insert it, the gate does not write it itself. */
  readonly isGiven: boolean;
  /** The application must give it: it may not be null, and nobody else fills it in. */
  readonly isNeeded: boolean;
}

export interface ClaimTable {
  readonly source: Source;
  readonly sql: SourceSql;
  readonly columns: ReadonlyMap<string, ClaimColumn>;
  /** By column, the texts that its values must not contain: with them two claims could have one marker. */
  readonly forbidden: ForbiddenTexts;
}

/** Looks at the live table; throws `configuration` with all problems when the gate cannot write it. */
export async function openClaimTable(pool: pg.Pool, source: Source): Promise<ClaimTable> {
  const facts = await readTableFacts(pool, source);
  const subject = findSubject(source, facts);
  if (typeof subject === 'string') throw cannotWrite(source, [subject]);
  const columns = claimColumns(subject);
  const key = judgeTemplate(source.marker.key, new Map([...columns].map(([name, { kind }]) => [name, kind])));
  const { missing, window, words } = mappingProblems(subject);
  const written = new Set(writtenColumns(source).map(({ column }) => column));
  const problems = [
    ...missing,
    ...markerProblems(source),
    ...idProblems(subject),
    ...changeProblems(subject),
    ...window,
    ...words,
    ...(missing.length > 0 ? [] : writeProblems(subject, key)),
    ...(words.length > 0 ? [] : await liveIndexProblems(pool, subject)),
    ...tableAccess(subject, new Set(columns.keys())),
    ...writeAccess(subject, written),
  ];
  if (problems.length > 0 || key.kind === 'ambiguous') throw cannotWrite(source, problems);
  const typeOf = (name = ''): string => columnOf(subject, name)?.type ?? 'text';
  const sql = describeSource(source, typeOf(source.columns.id), typeOf(source.position?.column));
  return { source, sql, columns, forbidden: key.forbidden };
}

/** The marker of an attempt that crashes must go by itself, and its claim's with it. */
function markerProblems({ marker, rules }: Source): string[] {
  const hash =
    marker.hashField === undefined
      ? []
      : [
          'marker.hashField says that markers are hashes, and the gate writes strings: leave these claims to your own code, or let it write strings as well',
        ];
  if (rules.endless !== true) return hash;
  return [
    ...hash,
    'marker.ttl is never, and the gate takes no marker without an expiry: whatever interrupts a claim for good would shut it for ever. Give marker.ttl a duration, or leave these claims to your own code',
  ];
}

function claimColumns(subject: Subject): ReadonlyMap<string, ClaimColumn> {
  const own = ownColumns(subject.source);
  return new Map(
    subject.facts.columns.map((column): [string, ClaimColumn] => {
      const { name, base_type: sqlType, made, demanded, insertable } = column;
      const isOwn = own.includes(name);
      const isGiven = insertable && !made && !isOwn;
      return [name, { name, sqlType, kind: kindOf(column), isGiven, isNeeded: demanded && !isOwn }];
    }),
  );
}

function cannotWrite({ name }: Source, problems: readonly string[]): OperatingError {
  const lines = problems.map((problem) => `  - ${problem}`).join('\n');
  return new OperatingError(
    'configuration',
    `The gate cannot write claims of the source ${name}; nothing was changed:\n${lines}`,
  );
}

/**
 * The live claim on a marker, by the columns of its key; null when there is none, or none that can be understood.
 * @param columns those of the key among them
 */
export async function findLiveClaim(
  pool: pg.Pool,
  { source, sql }: Pick<ClaimTable, 'source' | 'sql'>,
  columns: Readonly<Record<string, ColumnValue>>,
): Promise<ReadableClaim | null> {
  const names = templateColumns(source.marker.key);
  const sameKey = names.map((name, at) => `${pg.escapeIdentifier(name)} = $${at + 1}`);
  // Written out, in the type of the column: only so can Postgres tell that the index over live claims holds the answer.
  const words = [...sql.words.pending, ...sql.words.granted].map((word) => pg.escapeLiteral(word));
  const condition = `${sameKey.join(' and ')} and ${sql.statusColumn} in (${words.join(', ')})`;
  const values = names.map((name) => columns[name] ?? null);
  for (const { claim } of await selectClaims(pool, sql, condition, values)) {
    if (claim.kind === 'readable') return claim;
  }
  return null;
}
