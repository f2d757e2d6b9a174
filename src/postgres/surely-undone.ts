/**
 * Of a statement that failed, run by itself: is it certain that it changed nothing?
 * Invariant kept: in doubt it is not. A connection that breaks, or an answer that does not come, leaves the statement
 * committed or not; only what the server refused, or never got, is certain.
 */
import { sqlStateOf } from './sql-state.ts';

/**
 * What a server says when it ends the connection, or is in trouble itself: that may come between commit and answer. By
 * state, since the word for how grave it is comes in the server's language.
 */
const doubtfulStates = /^(08|25P|40003|57P(?!03)|58|F0|XX)/;

/** What the driver says of a statement that it did not send. */
const unsentWords =
  /trying to connect|due to connection timeout|is not queryable|after calling end on the pool|SASL|SCRAM/;

export function isSurelyUndone(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isUnconnected);
  if (!(error instanceof Error)) return false;
  const sqlState = sqlStateOf(error);
  if (sqlState !== null) return !doubtfulStates.test(sqlState);
  return isUnconnected(error) || unsentWords.test(error.message);
}

/** No connection came about. The same codes may also end one that was in use. */
function isUnconnected(error: unknown): boolean {
  return (
    error instanceof Error && 'syscall' in error && /^(connect|getaddrinfo)$/.test(String(error.syscall))
  );
}
