/**
 * Steps in between: does something at the very moment a pass is about to run a statement, so that what moves under a
 * running pass moves at the same place every time.
 */
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';

/** How a pass looks at claims again: twice to confirm, once to plan, once before it changes markers, once after. */
export const claimLooks = { confirm: 1, confirmAgain: 2, plan: 3, apply: 4, verify: 5 } as const;
export const readsClaims = /= any\(\$1::text\[\]::bigint\[\]\)/;
/** Asks whether the checkpoint is this term's: once when a pass begins, then before each step of changes. */
export const takesTerm = /for share/;
export const beginsPass = /insert into reconciler\.pass\b/;

/** The pool, but before the `nth` statement that matches (from 1) `act` has been done. Statements of transactions pass by. */
export function before(pool: Pool, statement: RegExp, nth: number, act: () => Promise<unknown>): Pool {
  let seen = 0;
  const original: unknown = Reflect.get(pool, 'query', pool);
  if (typeof original !== 'function') throw new Error('a pool has a method query');
  const query = async (...args: readonly unknown[]): Promise<unknown> => {
    if (typeof args[0] === 'string' && statement.test(args[0])) {
      seen += 1;
      if (seen === nth) await act();
    }
    return Reflect.apply(original, pool, args);
  };
  return new Proxy(pool, {
    get: (target, name) => {
      if (name === 'query') return query;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Does `act` when the marker Redis has told its time: what is sent next are the changes of a step. */
export function beforeChanges(markers: Redis, act: () => void): void {
  const original: unknown = Reflect.get(markers, 'time', markers);
  if (typeof original !== 'function') throw new Error('a client has a method time');
  Reflect.set(markers, 'time', async () => {
    const time: unknown = await Reflect.apply(original, markers, []);
    act();
    return time;
  });
}
