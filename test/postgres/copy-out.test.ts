/**
 * Binary COPY as lines in one buffer: odd text, long lines, messages that come in between, and nothing at all when
 * something fails.
 */
import * as fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { onConnection } from '../../src/postgres/connect.ts';
import { copyOut, fieldsOfLine, type CopiedLines } from '../../src/postgres/copy-out.ts';
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
    copyOut(client, `copy (${select}) to stdout (format binary)`, linesMax),
  );
}

function allFields(lines: CopiedLines): (string | null)[][] {
  return Array.from({ length: lines.count }, (_, line) =>
    fieldsOfLine(lines, line).map((field) => field?.toString() ?? null),
  );
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

  it.each([0, 1, 99, 100])('says where each of %i lines begins and ends', async (rows) => {
    const lines = await copy(`select n::text from generate_series(1, ${rows}) n`, 100);
    expect(lines.count).toBe(rows);
    expect(allFields(lines)).toEqual(Array.from({ length: rows }, (_, at) => [String(at + 1)]));
    // The message, its length, one field and its length.
    const sizes = Array.from({ length: rows }, (_, at) => 1 + 4 + 2 + 4 + String(at + 1).length);
    const { bounds } = lines;
    expect(sizes.map((_, at) => (bounds[at + 1] ?? 0) - (bounds[at] ?? 0))).toEqual(sizes);
  });

  it('refuses more lines than were asked for, and the connection works on', async () => {
    await onConnection(database.pool, async (client) => {
      const ask = async (rows: number): Promise<CopiedLines> =>
        copyOut(
          client,
          `copy (select n::text from generate_series(1, ${rows}) n) to stdout (format binary)`,
          100,
        );
      await expect(ask(101)).rejects.toThrow('gave 101 lines');
      expect((await ask(100)).count).toBe(100);
      expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      await expect(client.query('select 1 / 0')).rejects.toThrow('division by zero');
    });
  });

  it.each([1, 2, 3, 5, 6, 7, 30, 1_000])(
    'makes the same of what comes in pieces of %i bytes',
    async (size) => {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      onTestFinished(async () => client.end());
      const { stream } = client.connection;
      const emit = stream.emit.bind(stream);
      stream.emit = (event: string | symbol, ...args: unknown[]): boolean => {
        const [chunk] = args;
        if (event !== 'data' || !Buffer.isBuffer(chunk)) return emit(event, ...args);
        for (let at = 0; at < chunk.length; at += size) emit(event, chunk.subarray(at, at + size));
        return true;
      };
      const numbers = Array.from({ length: 300 }, (_, at) => [String(at + 1)]);
      for (let round = 0; round < 2; round += 1) {
        const statement = 'copy (select n::text from generate_series(1, 300) n) to stdout (format binary)';
        expect(allFields(await copyOut(client, statement, 300))).toEqual(numbers);
        expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      }
    },
  );

  it('makes the same of a head of the format that comes as a message of its own', async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    onTestFinished(async () => client.end());
    const { stream } = client.connection;
    const emit = stream.emit.bind(stream);
    let heads = 0;
    stream.emit = (event: string | symbol, ...args: unknown[]): boolean => {
      const [chunk] = args;
      const at = event === 'data' && Buffer.isBuffer(chunk) ? chunk.indexOf('PGCOPY') : -1;
      if (at === -1 || !Buffer.isBuffer(chunk)) return emit(event, ...args);
      heads += 1;
      // The message begins with its letter and length; the head of the format has 19 bytes.
      const [size, restAt] = [chunk.readInt32BE(at - 4), at + 19];
      const own = Buffer.alloc(5, 'd');
      own.writeInt32BE(4 + 19, 1);
      const rest = Buffer.alloc(5, 'd');
      rest.writeInt32BE(size - 19, 1);
      return emit(
        event,
        Buffer.concat([
          chunk.subarray(0, at - 5),
          own,
          chunk.subarray(at, restAt),
          rest,
          chunk.subarray(restAt),
        ]),
      );
    };
    for (const rows of [3, 0]) {
      const statement = `copy (select n::text from generate_series(1, ${rows}) n) to stdout (format binary)`;
      expect(allFields(await copyOut(client, statement, 300))).toEqual([['1'], ['2'], ['3']].slice(0, rows));
    }
    expect(heads).toBe(2);
  });

  it('breaks the connection off where the server sends something else', async () => {
    await onConnection(database.pool, async (client) => {
      client.on('error', () => undefined);
      const text = copyOut(client, `copy (select 'a') to stdout`, 10);
      await expect(text).rejects.toThrow('something else than a COPY');
      await expect(client.query('select 1')).rejects.toThrow();
      throw new Error('a broken connection');
    }).catch(({ message }: Error) => expect(message).toBe('a broken connection'));
    expect((await copy(`select 'a'`)).count).toBe(1);
  });

  it('leaves to the driver what the server says in between', async () => {
    await database.pool.query(`create or replace function remark(n int) returns text language plpgsql as $$
      begin if n % 10 = 0 then raise notice 'at %', n; end if; return n::text; end $$`);
    await onConnection(database.pool, async (client) => {
      const said: string[] = [];
      client.on('notice', ({ message }) => said.push(message ?? ''));
      await client.query("set client_min_messages = 'notice'");
      const statement = 'copy (select remark(n) from generate_series(1, 3000) n) to stdout (format binary)';
      expect(allFields(await copyOut(client, statement, 3_000)).map(([text]) => Number(text))).toEqual(
        Array.from({ length: 3_000 }, (_, at) => at + 1),
      );
      expect(said).toEqual(Array.from({ length: 300 }, (_, at) => `at ${(at + 1) * 10}`));
      client.removeAllListeners('notice');
      await client.query('reset client_min_messages');
    });
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
    expect(allFields(await copy(`select 'a'`))).toEqual([['a']]);
  });

  it('of the connection does too', async () => {
    const statement = `select n, case when n = 1000 then pg_sleep(600) end from generate_series(1, 1000) n`;
    const [copied] = await Promise.allSettled([copy(statement), endWhoSleeps()]);
    expect(copied).toMatchObject({ status: 'rejected' });
  });

  it('is a time that is over', async () => {
    const sleep = 'copy (select pg_sleep(600)) to stdout (format binary)';
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
