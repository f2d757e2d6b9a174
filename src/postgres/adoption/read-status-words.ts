/**
 * Which words a status column holds, without reading the table: by the type, by an index, or from a sample.
 * Invariant kept: `isComplete` only where no word can be missing.
 */
import pg from 'pg';
import type { FoundStatuses } from '../../domain/adoption/propose-source.ts';
import type { SampleRow } from '../../domain/adoption/sample-row.ts';
import type { LookedAtTable } from './look-at-table.ts';
import { read } from './sample-rows.ts';

/** A column with more words holds no status. */
const wordsMax = 50;
/** Read at random places: 8 MB. */
const pagesMax = 1_000;

/** @param newest rows that were read already */
export async function readStatusWords(
  client: pg.ClientBase,
  looked: LookedAtTable,
  column: string,
  newest: readonly SampleRow[],
): Promise<FoundStatuses> {
  const { columns, facts } = looked;
  const known = columns.find(({ name }) => name === column);
  if (known === undefined) return { words: [], isComplete: false };
  if (known.labels !== null) return { words: known.labels, isComplete: true };
  if (known.kind === 'boolean') return { words: ['false', 'true'], isComplete: true };
  const isIndexed = facts.indexes.some(
    ({ valid, partial, columns: [first] }) => valid && !partial && first === column,
  );
  const indexed = isIndexed ? await hopThroughIndex(client, looked, column) : [];
  if (indexed.length > 0 && indexed.length <= wordsMax) return { words: indexed, isComplete: true };
  const sampled = await readSample(client, looked, column);
  const seen = newest.flatMap(({ texts }) => texts.get(column) ?? []);
  const words = [...new Set([...sampled, ...seen])].toSorted().slice(0, wordsMax);
  return { words, isComplete: looked.measures.pages <= pagesMax && sampled.length > 0 };
}

/** One probe of the index a word, however many rows there are: the least, then the least above it, and so on. */
async function hopThroughIndex(
  client: pg.ClientBase,
  { facts }: LookedAtTable,
  column: string,
): Promise<string[]> {
  const [name, table] = [pg.escapeIdentifier(column), facts.relation?.quoted ?? ''];
  const rows = await read<{ word: string }>(client, {
    text: `with recursive hop (word, number) as (
        (select ${name}, 1 from ${table} where ${name} is not null order by ${name} limit 1)
        union all
        select (select ${name} from ${table} where ${name} > hop.word order by ${name} limit 1), number + 1
        from hop where word is not null and number <= ${wordsMax}
      ) select word::text as word from hop where word is not null`,
  });
  return rows.map(({ word }) => word);
}

async function readSample(
  client: pg.ClientBase,
  { facts, measures }: LookedAtTable,
  column: string,
): Promise<string[]> {
  const name = pg.escapeIdentifier(column);
  const percent = Math.min(100, (100 * pagesMax) / Math.max(1, measures.pages));
  const rows = await read<{ word: string }>(client, {
    text: `select distinct ${name}::text as word from ${facts.relation?.quoted ?? ''} tablesample system (${percent.toFixed(6)})
      where ${name} is not null limit ${wordsMax + 1}`,
  });
  return rows.map(({ word }) => word);
}
