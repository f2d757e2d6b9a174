/**
 * The statements that make a table readable by the reconciler, step by step, with what each locks and for how long.
 * Invariants kept: no step rewrites the table, or holds a lock that stops writers for longer than it waits for it itself
 * plus a few milliseconds, unless it says so; each may be run again; what is there already is left out.
 * Pure: runs nothing.
 */
import pg from 'pg';
import { fillInSteps } from './fill-in-steps.ts';
import type { LookedAtTable } from './look-at-table.ts';
import { briefStep, longStep, type MigrationStep } from './migration-step.ts';

/** Of the index on (change_xid, id), for each row. */
const indexBytesPerRow = 40;

/** @param id the id's column, which `looked` was looked at with */
export function planMigration(looked: LookedAtTable, id: string): MigrationStep[] {
  return [
    ...stampStep(looked),
    ...fillInSteps(looked, id),
    ...uniqueStep(looked, id),
    ...indexStep(looked, id),
  ];
}

function stampStep({ facts, measures }: LookedAtTable): MigrationStep[] {
  const table = facts.relation?.quoted ?? '';
  const owner = measures.root ?? table;
  const hasColumn = facts.columns.some(({ name }) => name === 'change_xid');
  const { trigger, unstamped } = facts;
  if (hasColumn && trigger?.always === true && unstamped.length === 0) return [];
  const name = trigger?.name ?? measures.trigger;
  const column = `alter table ${owner} add column if not exists change_xid xid8 not null default pg_current_xact_id()`;
  const create = `create or replace trigger ${name} before insert or update on ${table} for each row execute function reconciler.stamp_change()`;
  const statements = [
    ...(hasColumn ? [] : [column]),
    ...(trigger === null ? [create] : []),
    `alter table ${table} enable always trigger ${name}`,
    // What a trigger's state on the parent means for its partitions differs from version to version.
    ...measures.partitions.map(({ quoted }) => `alter table ${quoted} enable always trigger ${name}`),
  ];
  const all = measures.partitions.length > 0 || measures.root !== null ? ' and all its partitions' : '';
  return hasColumn
    ? [
        briefStep(
          'A trigger that stamps each change',
          `SHARE ROW EXCLUSIVE on ${table}: it can be read, writers wait`,
          statements,
        ),
      ]
    : [
        briefStep(
          'The column change_xid, and the trigger that stamps each change',
          `ACCESS EXCLUSIVE on ${owner}${all}: readers and writers wait`,
          statements,
          'no row is rewritten. The rows that are there share the id of this transaction, so that nothing has to be filled in and the first pass reads them all, by id',
        ),
      ];
}

function uniqueStep({ facts, measures, columns }: LookedAtTable, id: string): MigrationStep[] {
  if (columns.some(({ name, isUnique }) => name === id && isUnique)) return [];
  const table = facts.relation?.quoted ?? '';
  const tried = facts.indexes.filter(
    ({ columns: names, is_unique: unique, partial }) =>
      unique && !partial && names.length === 1 && names[0] === id,
  );
  const create = `create unique index concurrently if not exists ${measures.unique_index} on ${table} (${facts.quoted_id})`;
  return [
    longStep(`A unique index on ${id}, by which rows are told apart`, table, whileBuilding, [
      ...dropsOf(tried, measures),
      create,
    ]),
  ];
}

/** None of them is valid. */
function dropsOf(
  broken: LookedAtTable['facts']['indexes'],
  { quoted_schema: schema }: LookedAtTable['measures'],
): string[] {
  return broken.map(({ name }) => `drop index concurrently if exists ${schema}.${pg.escapeIdentifier(name)}`);
}

const whileBuilding =
  'minutes to hours: it reads the table twice, and waits for the transactions that are open then (see pg_stat_progress_create_index). Should it fail, it leaves an index that is not valid: run adopt again, which prints what drops it';

function indexStep({ facts, measures }: LookedAtTable, id: string): MigrationStep[] {
  const table = facts.relation?.quoted ?? '';
  const leading = facts.indexes.filter(
    ({ columns, partial, one_way: oneWay }) =>
      !partial && oneWay && columns[0] === 'change_xid' && columns[1] === id,
  );
  if (leading.some(({ valid }) => valid)) return [];
  const on = `(change_xid, ${facts.quoted_id})`;
  const size = describeBytes(measures.rows * indexBytesPerRow);
  const title = `The index on ${on}, by which changes are read: about ${size}`;
  if (facts.relation?.kind === 'p') return partitionedIndex(title, table, on, measures);
  const create = `create index concurrently if not exists ${measures.index} on ${table} ${on}`;
  return [longStep(title, table, whileBuilding, [...dropsOf(leading, measures), create])];
}

/** Postgres cannot build an index of a partitioned table concurrently, but it can be put together of such ones. */
function partitionedIndex(
  title: string,
  table: string,
  on: string,
  { quoted_schema: schema, index, partitions }: LookedAtTable['measures'],
): MigrationStep[] {
  if (partitions.some(({ level }) => level > 1)) {
    return [
      {
        title,
        lock: `SHARE on ${table} and all its partitions: they can be read, but WRITERS WAIT UNTIL IT IS BUILT, since its partitions have partitions. Build the index of each of them concurrently and attach it, level by level, or choose a time for it`,
        lasts: 'as long as all partitions take to be read and sorted',
        isTransaction: false,
        statements: [`create index if not exists ${index} on ${table} ${on}`],
      },
    ];
  }
  const builds = partitions.flatMap((part) => [
    ...(part.broken ? [`drop index concurrently if exists ${part.quoted_schema}.${part.index}`] : []),
    `create index concurrently if not exists ${part.index} on ${part.quoted} ${on}`,
  ]);
  const attaches = partitions.map(
    (part) => `alter index ${schema}.${index} attach partition ${part.quoted_schema}.${part.index}`,
  );
  return [
    briefStep(
      `The frame of the index on ${on}, without its partitions`,
      `SHARE on ${table}: it can be read, writers wait`,
      [`create index if not exists ${index} on only ${table} ${on}`],
    ),
    longStep(title, 'one partition at a time', whileBuilding, builds),
    briefStep(
      'The indexes of the partitions are put into the frame',
      `ACCESS EXCLUSIVE on the new indexes: readers and writers of ${table} wait`,
      attaches,
    ),
  ];
}

export function describeBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${Math.round(bytes / 1_000 ** step)} ${units[step] ?? ''}`;
}
