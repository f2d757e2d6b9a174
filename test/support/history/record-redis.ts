/**
 * Writes down every command that a Redis carries out, scripts with what they call, as MONITOR tells it.
 * Does not see what expires or is evicted by itself, nor answers.
 */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { waitFor } from '../wait-for.ts';
import type { CommandEvent, HistoryEvent } from './events.ts';
import { scriptOf } from './scripts.ts';

export interface RedisRecorder {
  readonly events: readonly HistoryEvent[];
  /** Resolves when everything that the server has done so far is written down. */
  readonly catchUp: () => Promise<void>;
  /** Forgets what was written down. */
  readonly clear: () => void;
  readonly stop: () => void;
}

/** Commands that change keys or enumerate them: the others are not written down, a history of minutes has millions. */
const noted = /^(SET|DEL|UNLINK|PEXPIRE|PERSIST|HM?SET|KEYS|[HSZ]?SCAN|RANDOMKEY|FLUSH(ALL|DB))$/i;

/**
 * Records from now on, also when the server was away in between; what it held before, or did meanwhile, is not known. Clients are told
 * apart by address, those with a name of their own by that first.
 */
export async function recordRedis(url: string, store: string): Promise<RedisRecorder> {
  const events: HistoryEvent[] = [];
  const names = new Map<string, string>();
  const client = new Redis(url);
  client.on('error', () => undefined);
  const monitor: Redis = await client.monitor();
  const begin = async (): Promise<void> => {
    const event = { kind: 'store' as const, atMs: Date.now(), store, isEmpty: false };
    events.push(event);
    event.isEmpty = !(await client.info('keyspace')).includes('keys=');
  };
  await begin();
  monitor.on('monitoring', () => void begin().catch(() => undefined));
  monitor.on('error', () => undefined);
  let echoed = '';
  let last: Writable | null = null;
  monitor.on('monitor', (time: string, words: string[], address: string) => {
    const [name = '', argument = '', value = ''] = words;
    if (address === 'lua') {
      if (!noted.test(name)) return;
      // A script is written down with the first of its calls that is.
      if (last?.calls.length === 0) events.push(last);
      last?.calls.push(words);
      return;
    }
    if (/^echo$/i.test(name)) echoed = argument;
    if (/^hello$/i.test(name)) names.delete(address);
    if (/^client$/i.test(name) && /^setname$/i.test(argument)) names.set(address, value);
    const from = [names.get(address), address].filter((part) => part !== undefined).join(' ');
    const atMs = Number(time) * 1_000;
    last = { kind: 'command', atMs, store, from, script: scriptOf(words), words, calls: [] };
    if (noted.test(name)) events.push(last);
  });
  return {
    events,
    catchUp: async () => {
      const word = randomUUID();
      await client.echo(word);
      await waitFor(() => echoed === word, { what: 'the recorder to catch up' });
    },
    clear: () => void events.splice(1),
    stop: () => {
      monitor.disconnect();
      client.disconnect();
    },
  };
}

type Writable = CommandEvent & { readonly calls: string[][] };
