/**
 * What Postgres or the driver threw, as an error for people: told apart by what can be done about it.
 * Invariant kept: a programming error is never taken for trouble of a store; it is thrown on as it is.
 */
import { OperatingError, type OperatingErrorCode } from '../domain/operating-error.ts';
import { describeTlsTrouble } from '../domain/tls-trouble.ts';
import { sqlStateOf } from './sql-state.ts';

/**
 * By SQLSTATE or its class, the longest first. Only the last of these passes by itself: whoever waits for it waits for
 * nothing else.
 */
const meanings: readonly (readonly [string, OperatingErrorCode, string])[] = [
  ['42501', 'configuration', 'Postgres refused for want of a privilege; nothing was changed by it'],
  ['57014', 'timed_out', 'Postgres took too long, and the statement was stopped'],
  ['55P03', 'timed_out', 'Postgres waited too long for a lock, and the statement was stopped'],
  ['25006', 'not_ready', 'Postgres is read-only now; nothing was changed by it'],
  ['28', 'configuration', 'Postgres does not let this role in; check user and password of the database URL'],
  ['3D', 'configuration', 'There is no such database; check the database URL'],
  ['22', 'configuration', 'A value does not fit its column; nothing was changed by it'],
  ['23', 'configuration', 'The table does not allow such a row; nothing was changed by it'],
  ['42', 'configuration', 'Postgres did not understand; nothing was changed by it'],
  ['', 'postgres_unreachable', 'Postgres did not answer as needed'],
];

const socketCodes = /^(ECONN|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_|EPIPE|EADDR)/;
/** What the driver says in plain errors, without a code, when a connection fails. */
const connectionTrouble = /connect|connection|timeout|terminat|closed|socket|network/i;

/** The server has no entry for connections without TLS. */
const wantsTls = /no pg_hba\.conf entry .*(no encryption|SSL off)/;

/** What the driver itself finds wrong while logging in. */
const logInTrouble = /SASL|SCRAM|password authentication/i;

/** The error as an OperatingError; throws what is neither Postgres, nor its connection, nor a call to stop. */
export function asOperatingError(error: unknown): OperatingError {
  if (error instanceof OperatingError) return error;
  if (!(error instanceof Error)) throw error;
  if (error.name === 'AbortError') {
    return new OperatingError('aborted', 'Stopped as asked; what was done before is kept.', { cause: error });
  }
  const sqlState = sqlStateOf(error);
  if (sqlState !== null) return fromServer(error, sqlState);
  if (logInTrouble.test(error.message)) {
    const words = 'Postgres does not let this role in; check user and password of the database URL';
    return new OperatingError('configuration', `${words}: ${error.message}.`, { cause: error });
  }
  const overTls = tlsTrouble(error);
  if (overTls !== null) {
    return new OperatingError('configuration', `Postgres was not connected to over TLS: ${overTls}.`, {
      cause: error,
    });
  }
  if (!isConnectionTrouble(error)) throw error;
  return new OperatingError(
    'postgres_unreachable',
    `Postgres did not answer as needed: ${messageOf(error)}.`,
    {
      cause: error,
    },
  );
}

function fromServer(error: Error, sqlState: string): OperatingError {
  const [, code, words] = meanings.find(([start]) => sqlState.startsWith(start)) ?? [
    '',
    'postgres_unreachable',
    '',
  ];
  const hint = wantsTls.test(error.message)
    ? ' If it wants TLS, add sslmode=verify-full to the database URL.'
    : '';
  const message = `${words}: ${error.message} (SQLSTATE ${sqlState || 'unknown'}).${hint}`;
  return new OperatingError(code, message, { cause: error });
}

/** What keeps a connection over TLS from being made, in words; null for anything else. */
function tlsTrouble(error: Error): string | null {
  if (error.message === 'The server does not support SSL connections') {
    return 'it has none; take sslmode out of the database URL';
  }
  return 'code' in error ? describeTlsTrouble(String(error.code), 'sslrootcert') : null;
}

function isConnectionTrouble(error: Error): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return false;
  return 'code' in error ? socketCodes.test(String(error.code)) : connectionTrouble.test(error.message);
}

/** A host with several addresses gives one error for each, and none of its own. */
function messageOf(error: Error): string {
  if (error.message !== '') return error.message;
  if (error instanceof AggregateError) return error.errors.map(String).join('; ');
  return 'code' in error ? String(error.code) : error.name;
}
