/**
 * Which columns of a table identify a claim, name its attempt and hold its status: by constraints first, then by name.
 * Invariant kept: null where nothing speaks for a column; what was taken by its name alone is for the caller to say.
 */
import { parseTemplate, templateColumns } from '../template.ts';
import type { SampledColumn } from './sample-row.ts';

/** The column by which rows are told apart: null where no column could be. */
export function proposeId(columns: readonly SampledColumn[]): SampledColumn | null {
  const able = columns.filter(({ isSortable, notNull }) => isSortable && notNull);
  const unique = able.filter(({ isUnique }) => isUnique);
  return (
    unique.find(({ isPrimaryKey }) => isPrimaryKey) ??
    unique.find(({ name }) => name === 'id') ??
    unique.find(({ kind }) => kind === 'integer' || kind === 'uuid') ??
    unique[0] ??
    able.find(({ name }) => name === 'id') ??
    null
  );
}

export function proposeStatus(columns: readonly SampledColumn[]): SampledColumn | null {
  return (
    columns.find(({ name }) => /^(status|state)$/i.test(name)) ??
    columns.find(({ name }) => /(^|_)(status|state)$/i.test(name)) ??
    columns.find(({ labels }) => labels !== null) ??
    null
  );
}

export interface ProposedAttempt {
  readonly column: SampledColumn;
  /** `value`: the markers hold it. `name`: it is called like one. `id`: nothing else is one. */
  readonly because: 'value' | 'name' | 'id';
}

const attemptName = /(attempt|request_?(id|no)|idempot|nonce|trace_?id|token)/i;

/** @param value what markers hold, as a template; null when it is not known */
export function proposeAttempt(
  columns: readonly SampledColumn[],
  id: SampledColumn,
  value: string | null,
): ProposedAttempt {
  const held = templateColumns(parseTemplate(value ?? ''));
  const isLikely = ({ name, isUnique, seemsUnique }: SampledColumn): boolean =>
    isUnique || seemsUnique || attemptName.test(name);
  const byValue = columns.find((column) => held.includes(column.name) && isLikely(column));
  if (byValue !== undefined) return { column: byValue, because: 'value' };
  const named = columns.filter(({ name, kind }) => attemptName.test(name) && kind !== 'boolean');
  const byName = named.find(({ isUnique }) => isUnique) ?? named[0];
  return byName === undefined ? { column: id, because: 'id' } : { column: byName, because: 'name' };
}
