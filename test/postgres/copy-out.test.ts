/**
 * COPY as blocks of whole lines: odd text, long lines, many blocks, and nothing at all when something fails.
 */
import * as fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onConnection } from '../../src/postgres/connect.ts';
import { copyOut, fieldsOfLine, type LineBlock } from '../../src/postgres/copy-out.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await database.pool.query('create table texts (n int primary key, a text, b text)');
});
afterAll(async () => database.drop());

async function copy(statement: string, linesPerBlock = 100): Promise<LineBlock[]> {
  return onConnection(database.pool, async (client) => copyOut(client, statement, linesPerBlock));
}

function allFields(blocks: readonly LineBlock[]): string[][] {
  return blocks.flatMap((block) =>
    Array.from({ length: block.lines }, (_, line) => fieldsOfLine(block, line)),
  );
}

async function store(texts: readonly (readonly [string, string])[]): Promise<void> {
  await database.pool.query('truncate texts');
  await database.pool.query(
    `insert into texts select n, t ->> 0, t ->> 1 from jsonb_array_elements($1) with ordinality as x (t, n)`,
    [JSON.stringify(texts)],
  );
}

describe('copying out', () => {
  it('gives every text back as it is', async () => {
    const unit = fc.constantFrom(
      'a',
      'N',
      '\\',
      '\\N',
      '\\.',
      '\t',
      '\n',
      '\r',
      '\b',
      '\f',
      '\v',
      ' ',
      '"',
      'é',
      '漢',
      '😀',
    );
    const anyText = fc.string({ unit, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(anyText, anyText), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 7 }),
        async (texts, linesPerBlock) => {
          await store(texts);
          const blocks = await copy('copy (select a, b from texts order by n) to stdout', linesPerBlock);
          expect(allFields(blocks)).toEqual(texts);
          expect(blocks.every(({ bytes }) => bytes.at(-1) === 0x0a)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    [0, []],
    [1, [1]],
    [99, [99]],
    [100, [100]],
    [101, [100, 1]],
    [250, [100, 100, 50]],
  ])('makes of %i lines blocks of %j', async (rows, sizes) => {
    const blocks = await copy(`copy (select generate_series(1, ${rows})) to stdout`);
    expect(blocks.map(({ lines }) => lines)).toEqual(sizes);
    const numbers = Array.from({ length: rows }, (_, at) => `${at + 1}\n`);
    expect(Buffer.concat(blocks.map(({ bytes }) => bytes)).toString()).toBe(numbers.join(''));
  });

  it('makes room for lines far longer than expected', async () => {
    const lengths = [1, 200_000, 3, 1_000_000, 5, 50_000];
    const blocks = await copy(
      `copy (select repeat('x', l) from unnest(array[${lengths.join()}]) with ordinality as u (l, n) order by n) to stdout`,
      4,
    );
    expect(allFields(blocks).map(([text]) => text?.length)).toEqual(lengths);
    expect(blocks.map(({ lines }) => lines)).toEqual([4, 2]);
  });

  it('keeps blocks apart: a later one does not write into an earlier one', async () => {
    const blocks = await copy(`copy (select repeat(n::text, 100) from generate_series(1, 9) n) to stdout`, 1);
    expect(allFields(blocks).map(([text]) => text)).toEqual(
      Array.from({ length: 9 }, (_, at) => String(at + 1).repeat(100)),
    );
  });
});

describe('an error', () => {
  it('before, between and after lines gives no blocks at all, and the next statement works', async () => {
    for (const at of [1, 2_500, 5_000]) {
      const statement = `copy (select 1 / (n - ${at}) from generate_series(1, 5000) n) to stdout`;
      await expect(copy(statement)).rejects.toThrow('division by zero');
    }
    await expect(copy('copy nothing_there to stdout')).rejects.toThrow('nothing_there');
    expect(allFields(await copy('copy (select 1) to stdout'))).toEqual([['1']]);
  });

  it('of the connection does too', async () => {
    const statement = `copy (select n, case when n = 1000 then pg_sleep(600) end from generate_series(1, 1000) n) to stdout`;
    const [copied] = await Promise.allSettled([copy(statement), endWhoSleeps()]);
    expect(copied).toMatchObject({ status: 'rejected' });
  });

  it('is a time that is over', async () => {
    const sleep = 'copy (select pg_sleep(600)) to stdout';
    const limited = async (setting: string): Promise<LineBlock[]> =>
      onConnection(database.pool, async (client: pg.PoolClient) => {
        await client.query(setting);
        return copyOut(client, sleep, 10);
      });
    await expect(limited(`set statement_timeout = '100ms'`)).rejects.toThrow('statement timeout');
  });

  async function endWhoSleeps(): Promise<void> {
    await waitFor(
      async () =>
        (
          await database.pool.query(
            `select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and wait_event = 'PgSleep'`,
          )
        ).rowCount,
      { what: 'the copying backend to be ended' },
    );
  }
});
