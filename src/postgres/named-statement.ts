/**
 * A statement that is prepared once on each connection and then only called.
 * Invariant kept: it is carried out once. A second try follows only upon a refusal, after which nothing was changed.
 */
import { createHash } from 'node:crypto';
import type pg from 'pg';
import { sqlStateOf } from './sql-state.ts';

/**
 * Refusals that may be due to the preparation: types of parameters that were true before a column was altered, or a pooler
 * between us and the server that hands out connections on which somebody else prepared.
 */
const outdated = /^(0A000|22|26000|42|XX000)/;

const names = new Map<string, string>();

function nameOf(text: string): string {
  const name = names.get(text) ?? `claim_${createHash('sha1').update(text).digest('hex')}`;
  names.set(text, name);
  return name;
}

/** @param statement whose text must be one of few: each is kept on every connection for as long as that lives */
export async function runPrepared<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  statement: { readonly text: string; readonly values: unknown[] },
): Promise<Row[]> {
  try {
    return (await pool.query<Row>({ ...statement, name: nameOf(statement.text) })).rows;
  } catch (error) {
    if (!outdated.test(sqlStateOf(error) ?? '')) throw error;
    return (await pool.query<Row>(statement)).rows;
  }
}
