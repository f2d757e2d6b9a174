/**
 * What Postgres and its driver throw, as people are told it: what helps differs, so must the code.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OperatingError } from '../../src/domain/operating-error.ts';
import { asOperatingError } from '../../src/postgres/as-operating-error.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => database.drop());

/** What a query on this URL ends in. */
async function troubleOf(url: string, statement = 'select 1'): Promise<unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  // What ends the connection is told by the query, too.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(statement);
  } catch (error) {
    return error;
  } finally {
    await client.end().catch(() => undefined);
  }
  throw new Error('expected an error');
}

function changed(change: (url: URL) => void): string {
  const url = new URL(database.url);
  change(url);
  return url.href;
}

describe('trouble with Postgres', () => {
  it.each([
    [
      'a wrong password',
      (url: URL): void => void (url.password = 'wrong'),
      'select 1',
      'configuration',
      /check user and password/,
    ],
    [
      'a database that is not there',
      (url: URL): void => void (url.pathname = '/none'),
      'select 1',
      'configuration',
      /no such database/,
    ],
    [
      'a server that is not there',
      (url: URL): void => void (url.port = '1'),
      'select 1',
      'postgres_unreachable',
      /did not answer/,
    ],
    [
      'a table that is not there',
      (): void => undefined,
      'select from none',
      'configuration',
      /did not understand/,
    ],
    ['a value that does not fit', (): void => undefined, `select 'x'::int`, 'configuration', /does not fit/],
    [
      'a statement that takes too long',
      (): void => undefined,
      `set statement_timeout = 1; select pg_sleep(60)`,
      'timed_out',
      /too long/,
    ],
    [
      'a connection that is cut',
      (): void => undefined,
      'select pg_terminate_backend(pg_backend_pid())',
      'postgres_unreachable',
      /did not answer/,
    ],
  ] as const)('is told for what it is: %s', async (_, change, statement, code, message) => {
    const error = asOperatingError(await troubleOf(changed(change), statement));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(error.message).not.toContain(new URL(database.url).password);
  });

  it('is told for a missing privilege', async () => {
    const role = `reader_${database.name}`;
    const statement = `create table secret (); create role ${role}; set local role ${role}; select from secret`;
    expect(asOperatingError(await troubleOf(database.url, statement))).toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/want of a privilege/),
    });
  });
});

describe('what is no trouble with Postgres', () => {
  it('is thrown on: programming errors, and what other parts of the machine say', () => {
    for (const error of [
      new TypeError('x is not a function'),
      new RangeError('too deep'),
      new Error('odd'),
    ]) {
      expect(() => asOperatingError(error)).toThrow(error);
    }
    const missing = Object.assign(new Error('no such file, connect'), { code: 'ENOENT' });
    expect(() => asOperatingError(missing)).toThrow(missing);
    expect(() => asOperatingError('text')).toThrow('text');
  });

  it('keeps what is an operating error already, and a call to stop', () => {
    const braked = new OperatingError('braked', 'stopped');
    expect(asOperatingError(braked)).toBe(braked);
    const abort = new DOMException('This operation was aborted', 'AbortError');
    expect(asOperatingError(abort)).toMatchObject({ code: 'aborted' });
  });

  it('names each address of a host of which none answers', () => {
    const none = Object.assign(new AggregateError([new Error('::1'), new Error('127.0.0.1')], ''), {
      code: 'ECONNREFUSED',
    });
    expect(asOperatingError(none).message).toMatch(/::1; .*127\.0\.0\.1/);
  });
});
