/**
 * The steps for columns that may be null and must not be: a change_xid from an earlier try, an id. Filled in batch by
 * batch, and declared without a scan under a lock that stops others.
 * Pure: runs nothing.
 */
import pg from 'pg';
import type { LookedAtTable } from './look-at-table.ts';
import { briefStep, longStep, type MigrationStep } from './migration-step.ts';

/** Rows of one transaction: some hundred milliseconds. */
const batchRows = 10_000;

const constraint = 'reconciler_not_null';

export function fillInSteps({ facts, measures }: LookedAtTable, id: string): MigrationStep[] {
  const nullable = (name: string): boolean =>
    facts.columns.some(({ name: known, not_null: notNull }) => known === name && !notNull);
  const table = facts.relation?.quoted ?? '';
  const owner = measures.root ?? table;
  return [
    ...(nullable(id) ? notNullSteps(table, facts.quoted_id) : []),
    ...(nullable('change_xid')
      ? [fillStep(table, facts.quoted_id), ...notNullSteps(owner, 'change_xid')]
      : []),
  ];
}

function fillStep(table: string, id: string): MigrationStep {
  // Names that no column has: in such a block they would be ambiguous.
  const [first, last] = ['reconciler_first', 'reconciler_last'];
  const block = `
declare
  ${first} ${table}.${id}%type;
  ${last} ${table}.${id}%type;
begin
  select ${id} into ${first} from ${table} order by ${id} limit 1;
  loop
    select ${id} into ${last} from (select ${id} from ${table} where ${id} >= ${first} order by ${id} limit ${batchRows}) batch
      order by ${id} desc limit 1;
    update ${table} set change_xid = pg_current_xact_id() where ${id} between ${first} and ${last} and change_xid is null;
    commit;
    exit when ${last} is null or ${last} = ${first};
    ${first} := ${last};
  end loop;
end `;
  return {
    title: 'Rows from before the trigger, which would never be read, are stamped',
    lock: `ROW EXCLUSIVE on ${table}: nobody waits but writers of the same rows, for one batch of ${batchRows}`,
    lasts:
      'as long as it takes to update them all; each batch is committed, and it may be stopped and run again. It makes dead rows: let VACUUM keep up',
    isTransaction: false,
    // Quoted like any text: a name may hold dollars.
    statements: ['set statement_timeout = 0', `do ${pg.escapeLiteral(block)}`],
  };
}

function notNullSteps(table: string, column: string): MigrationStep[] {
  const lock = `ACCESS EXCLUSIVE on ${table}: readers and writers wait`;
  return [
    briefStep(`${column} must not be null from now on`, lock, [
      `alter table ${table} drop constraint if exists ${constraint}`,
      `alter table ${table} add constraint ${constraint} check (${column} is not null) not valid`,
    ]),
    longStep(`No row has a null in ${column}`, table, 'as long as it takes to read the table', [
      `alter table ${table} validate constraint ${constraint}`,
    ]),
    briefStep(
      `${column} is declared so`,
      lock,
      [
        `alter table ${table} alter column ${column} set not null`,
        `alter table ${table} drop constraint ${constraint}`,
      ],
      'the constraint proves it, so that no row is read',
    ),
  ];
}
