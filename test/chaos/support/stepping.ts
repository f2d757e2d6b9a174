/**
 * Lets a test do something between any two steps of a pass: before each statement, transaction and command that it sends.
 * Steps are taken one after the other, in the order in which they were sent. Statements within a transaction are none: what is done to the
 * stores meanwhile comes before or after the whole of it.
 */
import { Command, type Redis } from 'ioredis';
import type { Pool } from 'pg';
import { changesMarkers, scriptOf } from '../../support/history/scripts.ts';

export interface Step {
  /** From 1. */
  readonly number: number;
  /** The marker that is about to be changed, and how many changes there were, this one with them. */
  readonly change: { readonly number: number; readonly key: string } | null;
}

/** Told which step comes next; it waits until that is settled. */
export type BeforeStep = (step: Step) => Promise<void>;

export interface Stepping {
  readonly pool: Pool;
  /** Gives the connection to Redis back as it was. */
  readonly end: () => void;
}

export function takeSteps({ pool, markers }: { pool: Pool; markers: Redis }, before: BeforeStep): Stepping {
  let steps = 0;
  let changes = 0;
  let turn = Promise.resolve();
  const step = async (changedKey: string | null = null): Promise<void> => {
    steps += 1;
    if (changedKey !== null) changes += 1;
    const change = changedKey === null ? null : { number: changes, key: changedKey };
    const upcoming = { number: steps, change };
    turn = turn.then(async () => before(upcoming));
    return turn;
  };
  const send = markers.sendCommand.bind(markers);
  Reflect.set(markers, 'sendCommand', (command: unknown, ...rest: unknown[]) => {
    if (!(command instanceof Command)) throw new Error('not a command');
    step(changedBy(command)).then(
      () => void Reflect.apply(send, markers, [command, ...rest]),
      (error: Error) => command.reject(error),
    );
    return command.promise;
  });
  return { pool: steppingPool(pool, step), end: () => Reflect.deleteProperty(markers, 'sendCommand') };
}

/** The key of the marker that a repair changes by it. */
function changedBy({ name, args }: Command): string | null {
  return changesMarkers(scriptOf([name, String(args[0])])) ? String(args[2]) : null;
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
