/**
 * The calls of a gate to its stores and its distributor, seen and meddled with from outside: they are counted in order, and
 * a test may hold one up, let it fail before it is sent, or let it never return, as if the process had stopped there.
 */
import type { GateParts } from '../../../src/gate/gate.ts';

/** A claim that is granted makes these, in order: marker, statement, distributor, statement, index. */
export type CallName = 'marker' | 'statement' | 'distributor' | 'index';

type WatchedParts = Pick<GateParts, 'pool' | 'redis' | 'distributor'>;

export interface WatchedCalls {
  readonly made: CallName[];
  /** Nothing returns any more after so many calls; what comes later is not even sent. */
  readonly stopAfter: (calls: number) => void;
  /** Calls that do not return, or were not sent. */
  readonly heldUp: () => number;
  /** What happens instead of the call with this number, from 1; it may send it. */
  readonly replace: (call: number, instead: (send: () => Promise<unknown>) => Promise<unknown>) => void;
  readonly watch: (parts: WatchedParts) => WatchedParts;
}

export function watchedCalls(): WatchedCalls {
  const made: CallName[] = [];
  const replaced = new Map<number, (send: () => Promise<unknown>) => Promise<unknown>>();
  let callsMax = Infinity;
  let heldUp = 0;
  const holdUp = async (): Promise<never> => {
    heldUp += 1;
    return new Promise<never>(() => undefined);
  };
  const call = async (name: CallName, send: () => Promise<unknown>): Promise<unknown> => {
    if (made.length >= callsMax) return holdUp();
    made.push(name);
    const instead = replaced.get(made.length);
    const isLast = made.length >= callsMax;
    const result = await (instead === undefined ? send() : instead(send));
    return isLast ? holdUp() : result;
  };
  const watch = <T extends object>(target: T, names: Readonly<Record<string, CallName>>): T =>
    new Proxy(target, {
      get: (object, property) => {
        const value: unknown = Reflect.get(object, property, object);
        if (typeof value !== 'function') return value;
        const name = Object.hasOwn(names, property) ? names[String(property)] : undefined;
        if (name === undefined) return value.bind(object);
        return async (...args: unknown[]) =>
          call(name, async () => Reflect.apply(value, object, args) as Promise<unknown>);
      },
    });
  return {
    made,
    stopAfter: (calls) => {
      callsMax = calls;
    },
    heldUp: () => heldUp,
    replace: (number, instead) => void replaced.set(number, instead),
    watch: ({ pool, redis, distributor }) => ({
      pool: watch(pool, { query: 'statement' }),
      redis: watch(redis, { callBuffer: 'marker', zrem: 'index' }),
      distributor: watch(distributor, { grant: 'distributor' }),
    }),
  };
}
