/**
 * Reads a few rows of a table that may be huge, to learn what its columns hold.
 * Invariants kept: each statement is bounded by an index and a limit, or by a number of pages, and by the session's
 * time-out; a statement that runs into it yields nothing. Writes nothing.
 */
import pg from 'pg';
import type { SampleRow } from '../../domain/adoption/sample-row.ts';
import { likeness, partsOf } from '../../domain/adoption/derive-template.ts';
import { sqlStateOf } from '../sql-state.ts';
import type { IndexFacts } from '../table-facts.ts';
import type { LookedAtTable } from './look-at-table.ts';

const { escapeIdentifier, escapeLiteral } = pg;

/** Rows of one look-up by a part of an example. */
const matchesMax = 50;
/** No part of a key is longer. */
const textMax = 200;

/** Up to `countMax` rows, those with the highest ids first where the id says something of their age. */
export async function readNewest(
  client: pg.ClientBase,
  looked: LookedAtTable,
  idColumn: string,
  countMax: number,
): Promise<SampleRow[]> {
  const id = escapeIdentifier(idColumn);
  return readRows(client, looked, `order by ${id} desc limit ${countMax}`);
}

/** The row that an example belongs to, by any index that the example's parts can be looked up in; null if none is found. */
export async function findRowOf(
  client: pg.ClientBase,
  looked: LookedAtTable,
  texts: readonly string[],
  known: readonly SampleRow[],
): Promise<SampleRow | null> {
  const [example = ''] = texts;
  const parts = [...new Set(texts.flatMap((text) => partsOf(text)))];
  const found = [...known];
  for (const condition of lookUps(looked, parts)) {
    // Statistics may make a scan of the whole table look cheap when only a few rows are wanted.
    await client.query('set enable_seqscan = off');
    found.push(...(await readRows(client, looked, `where ${condition} limit ${matchesMax}`)));
    await client.query('reset enable_seqscan');
  }
  const ranked = found
    .map((row) => ({ row, like: likeness(example, row) }))
    .toSorted((a, b) => b.like - a.like);
  const [best] = ranked;
  return best === undefined || best.like <= 0 ? null : best.row;
}

/** Conditions that an index answers, those on most columns first. */
function lookUps({ facts, columns }: LookedAtTable, parts: readonly string[]): string[] {
  const typeOf = new Map(facts.columns.map(({ name, base_type: type }) => [name, type]));
  const fitting = new Map(
    columns.map(({ name, kind, labels }): [string, string[]] => [
      name,
      labels !== null ? [] : parts.filter((part) => canBe(kind, typeOf.get(name), part)),
    ]),
  );
  const conditionOf = ({ columns: names, condition }: IndexFacts, length: number): string | null => {
    const some = names.slice(0, length).map((name) => {
      const values = (fitting.get(name) ?? []).map((part) => escapeLiteral(part)).join(', ');
      return values === ''
        ? null
        : `${escapeIdentifier(name)} = any (array[${values}]::${typeOf.get(name) ?? 'text'}[])`;
    });
    if (some.includes(null)) return null;
    return [...some, ...(condition === null ? [] : [`(${condition})`])].join(' and ');
  };
  const lengthMax = Math.max(0, ...facts.indexes.map(({ columns: names }) => names.length));
  const conditions = Array.from({ length: lengthMax }, (_, at) => lengthMax - at).flatMap((length) =>
    facts.indexes
      .filter(({ valid, columns: names }) => valid && names.length >= length)
      .flatMap((index) => conditionOf(index, length) ?? []),
  );
  return [...new Set(conditions)].slice(0, 24);
}

const bitsOf = new Map([
  ['smallint', 16],
  ['integer', 32],
]);

/** What the type cannot hold would fail the statement. */
function canBe(kind: string, type: string | undefined, part: string): boolean {
  if (kind === 'integer') {
    return (
      /^-?\d{1,19}$/.test(part) && BigInt.asIntN(bitsOf.get(type ?? '') ?? 64, BigInt(part)) === BigInt(part)
    );
  }
  if (kind === 'uuid') return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(part);
  return kind === 'text' && !part.includes('\u0000');
}

async function readRows(client: pg.ClientBase, looked: LookedAtTable, rest: string): Promise<SampleRow[]> {
  const { columns, facts } = looked;
  const readable = new Set(facts.columns.filter(({ selectable }) => selectable).map(({ name }) => name));
  const texts = columns.filter(({ name, kind }) => kind !== 'other' && readable.has(name));
  const times = columns.filter(({ name, isTime }) => isTime && readable.has(name));
  if (texts.length === 0) return [];
  const list = [
    ...texts.map(({ name }) => `left(${escapeIdentifier(name)}::text, ${textMax})`),
    ...times.map(({ name }) => {
      const column = escapeIdentifier(name);
      return `(extract(epoch from case when isfinite(${column}) then ${column} end) * 1000)::float8`;
    }),
  ];
  const rows = await read<(string | number | null)[]>(client, {
    text: `select ${list.join(', ')} from ${facts.relation?.quoted ?? ''} ${rest}`,
    rowMode: 'array',
  });
  return rows.map((row) => ({
    texts: new Map(texts.flatMap(({ name }, at) => pair(name, row[at], String))),
    timesMs: new Map(times.flatMap(({ name }, at) => pair(name, row[texts.length + at], Number))),
  }));
}

function pair<T>(name: string, value: unknown, read: (value: unknown) => T): [string, T][] {
  return value === null || value === undefined ? [] : [[name, read(value)]];
}

/** The rows of a bounded look; none where it took too long, or a lock was in its way. */
export async function read<Row extends pg.QueryResultRow | unknown[]>(
  client: pg.ClientBase,
  query: { readonly text: string; readonly rowMode?: 'array' },
): Promise<Row[]> {
  try {
    const { rows }: { rows: Row[] } = await client.query(query);
    return rows;
  } catch (error) {
    if (!/^(57014|55P03)$/.test(sqlStateOf(error) ?? '')) throw error;
    return [];
  }
}
