/**
 * Counts what this process sends: statements to Postgres (those that begin and end transactions among them) and commands to
 * Redis, from the time this file is loaded. What goes over raw sockets is not seen.
 */
import { Redis } from 'ioredis';
import pg from 'pg';

export interface Calls {
  readonly statements: number;
  readonly commands: number;
}

let statements = 0;
let commands = 0;

before(pg.Client.prototype, 'query', () => {
  statements += 1;
});
before(Redis.prototype, 'sendCommand', () => {
  commands += 1;
});

export function callsSoFar(): Calls {
  return { statements, commands };
}

/** Does `act` before each call of a method, of every object that has it from this prototype. */
function before(prototype: object, method: string, act: () => void): void {
  const original: unknown = Reflect.get(prototype, method);
  if (typeof original !== 'function') throw new Error(`there is no method ${method}`);
  Reflect.set(prototype, method, function (this: object, ...args: unknown[]): unknown {
    act();
    return Reflect.apply(original, this, args);
  });
}
