/**
 * What the role that connects is not allowed to see or do, in a claim table and in the reconciler's own.
 * Invariant kept: every sentence has the statement that allows it.
 */
import pg from 'pg';
import { missingRights } from './own-rights.ts';
import type { TableFacts } from './table-facts.ts';
import { shorten, type Subject } from './table-subject.ts';

/** @param needed names of the columns that are read */
export function tableAccess({ facts, relation }: Subject, needed: ReadonlySet<string>): string[] {
  const closed = facts.columns.filter(({ name, selectable }) => needed.has(name) && !selectable);
  const problems: string[] = [];
  if (!relation.schema_usage) {
    const schema = relation.quoted.slice(0, relation.quoted.indexOf('.'));
    problems.push(
      `the role ${facts.role} may not use the schema ${schema}; run: grant usage on schema ${schema} to ${facts.role};`,
    );
  }
  if (closed.length > 0) {
    problems.push(
      `the role ${facts.role} may not read ${shorten(closed.map(({ name }) => name))} of ${relation.quoted}; run: grant select on ${relation.quoted} to ${facts.role};`,
    );
  }
  if (relation.row_security) {
    problems.push(
      `row security hides rows of ${relation.quoted} from the role ${facts.role}, and claims that are not seen would count as deleted; run: alter role ${facts.role} bypassrls;`,
    );
  }
  return problems;
}

/**
 * What writing claims and settling them needs.
 * @param written names of the columns that an insert gives
 */
export function writeAccess({ facts, relation, source }: Subject, written: ReadonlySet<string>): string[] {
  const { role, columns } = facts;
  const problems: string[] = [];
  const closed = columns.filter(({ name, insertable }) => written.has(name) && !insertable);
  if (closed.length > 0) {
    problems.push(
      `the role ${role} may not insert ${shorten(closed.map(({ name }) => name))} into ${relation.quoted}; run: grant insert on ${relation.quoted} to ${role};`,
    );
  }
  for (const sequence of facts.closed_sequences) {
    problems.push(
      `the role ${role} may not use the sequence ${sequence}, from which ${relation.quoted} is filled in; run: grant usage on sequence ${sequence} to ${role};`,
    );
  }
  const { status } = source.columns;
  if (columns.some(({ name, updatable }) => name === status && !updatable)) {
    problems.push(
      `the role ${role} may not update ${status} of ${relation.quoted}; run: grant update (${pg.escapeIdentifier(status)}) on ${relation.quoted} to ${role};`,
    );
  }
  return problems;
}

/** The reconciler's own tables, once they are there. */
export function ownAccess({ own_schema: own, role }: TableFacts): string[] {
  if (own === null) return [];
  const missing = [...missingRights(own.held)];
  if (own.usage && missing.length === 0) return [];
  const tables = [...new Set(missing.flatMap(([, names]) => names))].sort();
  const shown = tables.length === 0 ? '' : ` (${shorten(tables)})`;
  const grants = missing.map(
    ([rights, names]) =>
      ` grant ${rights} on ${names.map((name) => `reconciler.${name}`).join(', ')} to ${role};`,
  );
  const usage = own.usage ? '' : ` grant usage on schema reconciler to ${role};`;
  return [
    `the role ${role} may not read and write the reconciler's own tables${shown} as it has to; run:${usage}${grants.join('')}`,
  ];
}
