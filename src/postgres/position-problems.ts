/**
 * What a table that may not be altered must have to be read by a column of its own, and what is not seen in that way.
 * Invariant kept: every sentence names the thing and what to do; a statement in it can be run as it is.
 * Pure: does not read anything.
 */
import type { ClaimPosition } from '../domain/source.ts';
import type { ColumnFacts, IndexFacts } from './table-facts.ts';
import { columnOf, type Subject } from './table-subject.ts';

/** A column that is not there is told of with all others of the source. */
export function positionProblems(subject: Subject, position: ClaimPosition): string[] {
  const column = columnOf(subject, position.column);
  if (column === undefined) return [];
  const kind = kindOf(column);
  if (kind === null) {
    return [
      `the column ${column.name} (position.column) is of type ${column.type}, and must hold times or whole numbers: name one such as updated_at, created_at or an id that counts up`,
    ];
  }
  return [
    ...(kind === position.overlap.kind ? [] : [wrongOverlap(column, kind)]),
    ...indexProblems(subject, column.name),
  ];
}

/** What is not seen, and what makes the reading dear. `check` prints them every time: nobody else would tell. */
export function positionWarnings(
  subject: Subject,
  position: ClaimPosition,
  hasRowWithout: boolean,
): string[] {
  const { facts, relation, source } = subject;
  const column = columnOf(subject, position.column);
  if (column === undefined || kindOf(column) === null) return [];
  const warnings = [blindSpots(position, column)];
  if (hasRowWithout) {
    warnings.push(`there are rows of ${relation.quoted} whose ${column.name} is null: they are never read`);
  } else if (!column.not_null) {
    warnings.push(`the column ${column.name} (position.column) may be null: such a row is never read`);
  }
  if (column.base_type === 'timestamp without time zone') {
    warnings.push(
      `the column ${column.name} (position.column) has no time zone: its times must be UTC, or an hour of them comes twice a year`,
    );
  }
  const wanted = [column.name, source.columns.id];
  if (column.name !== source.columns.id && !facts.indexes.some((index) => leads(index, wanted))) {
    warnings.push(
      `${relation.quoted} has no index on (${facts.quoted_order}, ${facts.quoted_id}), only one that begins with ${facts.quoted_order}: where very many rows share a value, the first reading of them is slow`,
    );
  }
  return warnings;
}

function kindOf({ base_type: type }: ColumnFacts): ClaimPosition['overlap']['kind'] | null {
  if (type.startsWith('timestamp ')) return 'time';
  return type === 'smallint' || type === 'integer' || type === 'bigint' ? 'ids' : null;
}

function wrongOverlap({ name }: ColumnFacts, kind: ClaimPosition['overlap']['kind']): string {
  return kind === 'time'
    ? `position.overlap must be a duration such as 10m, since the column ${name} holds times`
    : `position.overlap must be a number of ids such as 10000, since the column ${name} holds whole numbers`;
}

function blindSpots({ overlap }: ClaimPosition, { name }: ColumnFacts): string {
  const later =
    overlap.kind === 'time'
      ? `${overlap.ms % 60_000 === 0 ? `${overlap.ms / 60_000} min` : `${overlap.ms / 1_000} s`} or more after the time in its ${name}`
      : `when ${overlap.count} or more ids above its ${name} are in use`;
  return (
    `it is read by the column ${name}, without a trigger, and does not see everything: a row that is written ${later} is not ` +
    `read. Such is a claim that changes later while its ${name} stays as it is (released then, it leaves its marker), and one ` +
    'with a value that was made long before, by a clock that is behind or a transaction that waited. Deleted rows are not ' +
    'seen either. To read again from before such rows were made: reconcile --from'
  );
}

function indexProblems({ facts, relation }: Subject, column: string): string[] {
  const leading = facts.indexes.filter((index) => leads({ ...index, valid: true }, [column]));
  if (leading.some(({ valid }) => valid)) return [];
  const columns =
    facts.quoted_order === facts.quoted_id ? facts.quoted_id : `${facts.quoted_order}, ${facts.quoted_id}`;
  const create = `create index ${relation.kind === 'p' ? '' : 'concurrently '}on ${relation.quoted} (${columns});`;
  return [
    `${relation.quoted} has no valid index that begins with ${facts.quoted_order}, and every pass would read all of it; run: ${create}`,
  ];
}

/** An index that holds all rows in the order of these columns. */
function leads({ columns, partial, valid, one_way: oneWay }: IndexFacts, wanted: readonly string[]): boolean {
  return valid && !partial && oneWay && wanted.every((name, at) => columns[at] === name);
}
