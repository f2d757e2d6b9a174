/**
 * A process that runs one pass over the gifts and kills itself (SIGKILL) at the write that it is told: before it is
 * sent, or when it has been sent and its answer has not come (for what then takes effect by itself: single statements,
 * commits, scripts). Writes are SQL statements that change something or end a
 * transaction, and Redis scripts but the two that only read. Prints the number of writes when it was not killed.
 * Arguments: url of the database, url of the Redis, number of the write (from 1), `before` or `sent`.
 */
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { Command, Redis } from 'ioredis';
import pg from 'pg';
import { run } from '../../../jobs/pass.ts';
import { connectPostgres, endPool } from '../../../src/postgres/connect.ts';
import { connectStrict, endRedis, untilReady } from '../../../src/redis/connect.ts';
import { jobDeps, silentReporter } from './job-deps.ts';

const [databaseUrl = '', redisUrl = '', fatalWrite = '0', moment = 'before'] = process.argv.slice(2);

let writes = 0;

/** Runs `send`, unless this is the write before which the process dies. */
function countWrite<T>(send: () => T): T {
  writes += 1;
  const isFatal = writes === Number(fatalWrite);
  if (isFatal && moment === 'before') process.kill(process.pid, 'SIGKILL');
  const sent = send();
  // The drivers hand over to the socket within this turn of the loop; the answer comes in a later one.
  if (isFatal) setImmediate(() => process.kill(process.pid, 'SIGKILL'));
  return sent;
}

/** Lets `around` decide on each call of a method, of every object that has it from this prototype. */
function intercept(
  prototype: object,
  method: string,
  around: (self: object, args: readonly unknown[], send: () => unknown) => unknown,
): void {
  const original: unknown = Reflect.get(prototype, method);
  if (typeof original !== 'function') throw new Error(`there is no method ${method}`);
  Reflect.set(prototype, method, function (this: object, ...args: unknown[]): unknown {
    return around(this, args, () => Reflect.apply(original, this, args));
  });
}

const inTransaction = new WeakSet<object>();

intercept(pg.Client.prototype, 'query', (client, [text], send) => {
  const word = typeof text === 'string' ? (/^\s*(\w+)/.exec(text)?.[1]?.toLowerCase() ?? '') : '';
  if (!['begin', 'commit', 'insert', 'update', 'delete', 'with'].includes(word)) return send();
  if (word === 'begin') inTransaction.add(client);
  if (word === 'commit') inTransaction.delete(client);
  // In a transaction that was not committed, sent and not sent come to the same.
  return moment === 'sent' && inTransaction.has(client) ? send() : countWrite(send);
});

const readOnly = new Set(
  ['screen-markers', 'observe-marker'].flatMap((name) => {
    const text = readFileSync(new URL(`../../../src/redis/${name}.lua`, import.meta.url), 'utf8');
    return [text, createHash('sha1').update(text).digest('hex')];
  }),
);

intercept(Redis.prototype, 'sendCommand', (_, [command], send) => {
  if (!(command instanceof Command)) throw new Error('not a command');
  const isScript = /^eval(sha)?$/i.test(command.name);
  return isScript && !readOnly.has(String(command.args[0])) ? countWrite(send) : send();
});

const ignore = (): void => undefined;
const pool = connectPostgres({
  url: databaseUrl,
  applicationName: 'crashing pass',
  connectionsMax: 6,
  statementTimeoutMs: 10_000,
  onError: ignore,
});
const redis = connectStrict(redisUrl, { onError: ignore, connectionName: 'crashing-pass' });
await untilReady(redis, 5_000);
const payload = { source: 'gifts', by: 'crashing pass', force: false, waits: true };
const deps = jobDeps({ pool, markers: redis, leases: redis }, {});
const { outcome } = await run(payload, deps, silentReporter, new AbortController().signal);
console.log(`${outcome} after ${writes} writes`);
await Promise.all([endRedis(redis, 1_000), endPool(pool, 1_000)]);
