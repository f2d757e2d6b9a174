/**
 * The log: JSON lines, or lines for people on a terminal. A full disk must not stop the worker: what cannot be written
 * is dropped.
 */
import { pino, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import { printable } from './text-table.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly level: string;
  /** File descriptor: 1 for a daemon, 2 for commands whose output goes to 1. */
  readonly descriptor: 1 | 2;
  /** For people at a terminal. */
  readonly pretty: boolean;
}

export function createLog({ level, descriptor, pretty }: LogOptions): Logger {
  const destination = pino.destination({ dest: descriptor, sync: true });
  // Without a listener a full disk or a closed pipe would throw out of every log call.
  destination.on('error', () => undefined);
  const base = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!pretty) return pino(base, destination);
  return pino(
    base,
    PinoPretty({
      destination,
      colorize: true,
      translateTime: 'SYS:HH:MM:ss',
      ignore: 'pid,hostname',
      singleLine: true,
      // Sentences hold ids and values from users.
      messageFormat: (fields, key) => {
        const sentence = fields[key];
        return typeof sentence === 'string' ? printable(sentence) : '';
      },
      sync: true,
    }),
  );
}
