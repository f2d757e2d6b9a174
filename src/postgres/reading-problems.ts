/**
 * What would make the reading pass over rows: ids that do not order them, changes that are not stamped, no index to read
 * by, rows kept elsewhere.
 * Invariant kept: every sentence names the thing and what to do; a statement in it can be run as it is.
 */
import { positionProblems } from './position-problems.ts';
import { columnOf, isUnique, shorten, type Subject } from './table-subject.ts';

export function readingProblems(subject: Subject): string[] {
  const { position } = subject.source;
  return [
    ...idProblems(subject),
    ...(position === undefined
      ? [...changeProblems(subject), ...indexProblems(subject), ...triggerProblems(subject)]
      : positionProblems(subject, position)),
    ...storageProblems(subject),
  ];
}

export function idProblems(subject: Subject): string[] {
  const { facts, relation } = subject;
  const { id } = subject.source.columns;
  const column = columnOf(subject, id);
  if (column === undefined) return [];
  if (!column.sortable) {
    return [
      `the column ${id} (columns.id) is of type ${column.type}, which no index can order: name another, such as a bigint, uuid or text`,
    ];
  }
  const problems: string[] = [];
  if (!column.not_null) {
    problems.push(
      `the column ${id} (columns.id) may be null, and such a row would never be read; run: alter table ${relation.quoted} alter column ${facts.quoted_id} set not null;`,
    );
  }
  if (!isUnique(facts.indexes, id)) {
    const remedy =
      relation.kind === 'p'
        ? `name each partition as a source of its own, unless ${relation.quoted} is partitioned by that column: then run: create unique index on ${relation.quoted} (${facts.quoted_id});`
        : `run: create unique index concurrently on ${relation.quoted} (${facts.quoted_id});`;
    problems.push(
      `the column ${id} (columns.id) has no unique index of its own, and rows that share an id could be passed over; ${remedy}`,
    );
  }
  return problems;
}

export function changeProblems(subject: Subject): string[] {
  const { facts, relation, source } = subject;
  const { change } = source.columns;
  if (change === null) return [];
  const column = columnOf(subject, change);
  if (column === undefined) {
    return [
      `${relation.quoted} has no column ${change} (columns.change); run: alter table ${relation.quoted} add column ${facts.quoted_order} xid8 not null default pg_current_xact_id();`,
    ];
  }
  if (column.base_type === 'xid8') return [];
  return [
    `the column ${change} (columns.change) is of type ${column.type}, and must be xid8: only transaction ids tell what was committed`,
  ];
}

function indexProblems({ facts, relation, source }: Subject): string[] {
  const wanted = [source.columns.change, source.columns.id];
  const leading = facts.indexes.filter(
    ({ columns, partial, one_way: oneWay }) =>
      !partial && oneWay && wanted.every((name, at) => columns[at] === name),
  );
  if (leading.some(({ valid }) => valid)) return [];
  const columns = `(${facts.quoted_order}, ${facts.quoted_id})`;
  // Postgres cannot build one concurrently on a partitioned table.
  const create = `create index ${relation.kind === 'p' ? '' : 'concurrently '}on ${relation.quoted} ${columns};`;
  const broken = leading[0];
  if (broken === undefined) return [`${relation.quoted} has no index on ${columns}; run: ${create}`];
  return [
    `the index ${broken.name} of ${relation.quoted} is not valid: its build failed or has not ended, or a partition lacks it. Drop it and run: ${create}`,
  ];
}

function triggerProblems({ facts, relation, source }: Subject): string[] {
  const { trigger, unstamped } = facts;
  const stamps = source.columns.change === 'change_xid';
  const enable = (name: string): string => `alter table ${relation.quoted} enable always trigger ${name};`;
  if (trigger === null && !stamps) {
    return [
      `${relation.quoted} has no trigger, before insert or update for each row, that sets ${source.columns.change} to pg_current_xact_id(). Name the column change_xid to use reconciler.stamp_change(), or write a function of your own and enable its trigger always`,
    ];
  }
  if (trigger === null) {
    const first = facts.own_schema?.stamps === true ? 'run' : 'after claim-reconciler migrate run';
    return [
      `${relation.quoted} has no trigger that stamps inserted and updated rows; ${first}: create trigger stamp_change before insert or update on ${relation.quoted} for each row execute function reconciler.stamp_change(); ${enable('stamp_change')}`,
    ];
  }
  if (!trigger.always) {
    return [
      `the trigger ${trigger.name} of ${relation.quoted} does not always fire: rows that come by replication or a restore would be passed over; run: ${enable(trigger.name)}`,
    ];
  }
  if (unstamped.length === 0) return [];
  return [
    `the trigger ${trigger.name} is off or does not always fire on ${shorten(unstamped)}; run: ${enable(trigger.name)}`,
  ];
}

/** Ways of storing rows that keep some of them from being stamped or seen. */
function storageProblems({ facts, relation }: Subject): string[] {
  const problems: string[] = [];
  if (relation.children > 0) {
    problems.push(
      `other tables inherit from ${relation.quoted}: their rows would be read, but its trigger and indexes are not theirs. Make them partitions, or name each table as a source`,
    );
  }
  if (facts.foreign_partitions.length > 0) {
    problems.push(
      `${relation.quoted} has partitions on another server (${shorten(facts.foreign_partitions)}), whose transaction ids mean nothing here`,
    );
  }
  return problems;
}
