/**
 * Lets a test do something between any two steps of a pass: before each statement, transaction and command that it sends.
 * Steps are taken one after the other, in the order in which they were sent. Statements within a transaction are none: what is done to the
 * stores meanwhile comes before or after the whole of it.
 */
import { Command, type Redis } from 'ioredis';
import type { Pool } from 'pg';

/** Told the number of the step that comes next, from 1; it waits until that is settled. */
export type BeforeStep = (step: number) => Promise<void>;

export interface Stepping {
  readonly pool: Pool;
  /** Gives the connection to Redis back as it was. */
  readonly end: () => void;
}

export function takeSteps({ pool, markers }: { pool: Pool; markers: Redis }, before: BeforeStep): Stepping {
  let steps = 0;
  let turn = Promise.resolve();
  const step = async (): Promise<void> => {
    steps += 1;
    const mine = steps;
    turn = turn.then(async () => before(mine));
    return turn;
  };
  const send = markers.sendCommand.bind(markers);
  Reflect.set(markers, 'sendCommand', (command: unknown, ...rest: unknown[]) => {
    if (!(command instanceof Command)) throw new Error('not a command');
    step().then(
      () => void Reflect.apply(send, markers, [command, ...rest]),
      (error: Error) => command.reject(error),
    );
    return command.promise;
  });
  return { pool: steppingPool(pool, step), end: () => Reflect.deleteProperty(markers, 'sendCommand') };
}

function steppingPool(pool: Pool, step: () => Promise<void>): Pool {
  return new Proxy(pool, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'query' && name !== 'connect') return value.bind(target);
      return async (...args: readonly unknown[]): Promise<unknown> => {
        await step();
        return Reflect.apply(value, target, args);
      };
    },
  });
}
