/**
 * Writes down every command that a Redis carries out, scripts with what they call, as MONITOR tells it.
 * Does not see what expires or is evicted by itself, nor answers.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { waitFor } from '../wait-for.ts';
import type { CommandEvent, HistoryEvent } from './events.ts';

export interface RedisRecorder {
  readonly events: readonly HistoryEvent[];
  /** Resolves when everything that the server has done so far is written down. */
  readonly catchUp: () => Promise<void>;
  /** Forgets what was written down. */
  readonly clear: () => void;
  readonly stop: () => void;
}

/** Records from now on; what the server held before is not known. */
export async function recordRedis(url: string, store: string): Promise<RedisRecorder> {
  const events: HistoryEvent[] = [{ kind: 'store', atMs: Date.now(), store }];
  const client = new Redis(url, { retryStrategy: null });
  client.on('error', () => undefined);
  const monitor: Redis = await client.monitor();
  monitor.on('error', () => undefined);
  let echoed = '';
  let script: Writable | null = null;
  monitor.on('monitor', (time: string, words: string[], from: string) => {
    if (words[0]?.toLowerCase() === 'echo') echoed = words[1] ?? '';
    if (from === 'lua') {
      script?.calls.push(words);
      return;
    }
    script = {
      kind: 'command',
      atMs: Number(time) * 1_000,
      store,
      from,
      script: nameOf(words),
      words,
      calls: [],
    };
    events.push(script);
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

const folder = new URL('../../../src/redis/', import.meta.url);
const scripts = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith('.lua'))
    .flatMap((file) => {
      const text = readFileSync(new URL(file, folder), 'utf8');
      const name = file.replace(/\.lua$/, '');
      // As MONITOR shows it, and ioredis hands it on.
      const shown = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
      return [
        [createHash('sha1').update(text).digest('hex'), name],
        [shown, name],
      ];
    }),
);

function nameOf([command = '', text = '']: readonly string[]): string | null {
  return /^eval(sha)?$/i.test(command) ? (scripts.get(text) ?? null) : null;
}
