/**
 * The reading that this program does not use: "everything above the largest value seen so far" of a column that says
 * nothing about the order of commits. Here to show what it loses.
 */
import type { Pool } from 'pg';

export interface NaiveReader {
  /** One round: reads what lies above the largest value seen so far. */
  read(): Promise<void>;
  /** Ids of the rows that are in the table and were never read. */
  lost(): Promise<string[]>;
}

export function naiveReader(pool: Pool, column: 'id' | 'created_at'): NaiveReader {
  const seen = new Set<string>();
  let last: string | null = null;
  return {
    read: async () => {
      const { rows } = await pool.query<{ id: string; position: string }>(
        `select id::text, ${column}::text as position from gift_claim
         where $1::text is null or ${column} > $1::text::${column === 'id' ? 'bigint' : 'timestamptz'}
         order by gift_claim.${column}, gift_claim.id`,
        [last],
      );
      for (const { id } of rows) seen.add(id);
      last = rows.at(-1)?.position ?? last;
    },
    lost: async () => {
      const { rows } = await pool.query<{ id: string }>('select id::text from gift_claim');
      return rows.map(({ id }) => id).filter((id) => !seen.has(id));
    },
  };
}
