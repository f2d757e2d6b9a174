/**
 * COPY as lines of JSON in one buffer: odd text, long lines, and nothing at all when something fails.
 */
import * as fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onConnection } from '../../src/postgres/connect.ts';
import { asJsonLines, copyOut, fieldsOfLine, type CopiedLines } from '../../src/postgres/copy-out.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await database.pool.query('create table texts (n int primary key, a text, b text)');
});
afterAll(async () => database.drop());

async function copy(select: string, linesMax = 10_000): Promise<CopiedLines> {
  return onConnection(database.pool, async (client) =>
    copyOut(client, `copy (${select}) to stdout ${asJsonLines}`, linesMax),
  );
}

function allFields(lines: CopiedLines): (string | null)[][] {
  return Array.from({ length: lines.count }, (_, line) => fieldsOfLine(lines, line));
}

async function store(texts: readonly (readonly [string | null, string])[]): Promise<void> {
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
      ',',
      'null',
      '\u0001',
      '\u007f',
      '"',
      'é',
      '漢',
      '😀',
    );
    const anyText = fc.string({ unit, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.option(anyText), anyText), { minLength: 1, maxLength: 30 }),
        async (texts) => {
          await store(texts);
          expect(allFields(await copy('select a, b from texts order by n'))).toEqual(texts);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([0, 1, 99, 100])('says where each of %i lines ends', async (rows) => {
    const { bytes, ends, count } = await copy(`select generate_series(1, ${rows})`, 100);
    expect(count).toBe(rows);
    const lines = Array.from({ length: rows }, (_, at) => `"${at + 1}",`);
    expect(bytes.toString('utf8', 0, ends[rows - 1] ?? 0)).toBe(lines.join(''));
    expect(allFields({ bytes, ends, count })).toEqual(lines.map((_, at) => [String(at + 1)]));
  });

  it('refuses more lines than were asked for, and the connection works on', async () => {
    await expect(copy('select generate_series(1, 101)', 100)).rejects.toThrow('gave 101 lines');
    expect((await copy('select 1')).count).toBe(1);
  });

  it('makes room for lines far longer than expected', async () => {
    const lengths = [1, 200_000, 3, 1_000_000, 5, 50_000];
    const lines = await copy(
      `select repeat('x', l) from unnest(array[${lengths.join()}]) with ordinality as u (l, n) order by n`,
      6,
    );
    expect(allFields(lines).map(([text]) => text?.length)).toEqual(lengths);
  });
});

describe('an error', () => {
  it('before, between and after lines gives no lines at all, and the next statement works', async () => {
    for (const at of [1, 2_500, 5_000]) {
      const statement = `select 1 / (n - ${at}) from generate_series(1, 5000) n`;
      await expect(copy(statement)).rejects.toThrow('division by zero');
    }
    await expect(copy('select from nothing_there')).rejects.toThrow('nothing_there');
    expect(allFields(await copy('select 1'))).toEqual([['1']]);
  });

  it('of the connection does too', async () => {
    const statement = `select n, case when n = 1000 then pg_sleep(600) end from generate_series(1, 1000) n`;
    const [copied] = await Promise.allSettled([copy(statement), endWhoSleeps()]);
    expect(copied).toMatchObject({ status: 'rejected' });
  });

  it('is a time that is over', async () => {
    const sleep = 'copy (select pg_sleep(600)) to stdout';
    const limited = async (setting: string): Promise<CopiedLines> =>
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
