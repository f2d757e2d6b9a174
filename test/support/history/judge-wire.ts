/**
 * Judges what our own clients send: invariant 11 (no key is enumerated, nothing is emptied) and, on the queue's Redis, invariant 12
 * (no slot makes a second job).
 */
import type { CommandEvent, HistoryEvent } from './events.ts';

/** Invariant 11. Ours are the clients that send the scripts of `src/redis`. */
export function enumerations(events: readonly HistoryEvent[]): string[] {
  const commands = commandsOf(events);
  const ours = new Set(commands.filter(({ script }) => script !== null).map(clientOf));
  return commands
    .filter((command) => ours.has(clientOf(command)))
    .flatMap(({ words, calls }) => [words, ...calls])
    .map(([name = '']) => name.toUpperCase())
    .filter((name) => /^(KEYS|[HSZ]?SCAN|FLUSH.*|RANDOMKEY)$/.test(name))
    .map((name) => `${name} was sent`);
}

/** Invariant 12: jobs of slots (their keys end in the slot's time) that were made more than once, in the queue of that name. */
export function slotsWithSecondJobs(events: readonly HistoryEvent[], queue: string): string[] {
  const made = new Map<string, number>();
  for (const { calls } of commandsOf(events)) {
    for (const [name = '', key = '', ...fields] of calls) {
      const isJob = /^h(m)?set$/i.test(name) && key.includes(`:${queue}:`) && fields.includes('data');
      if (isJob && /-\d{8}T\d{6}Z$/.test(key)) made.set(key, (made.get(key) ?? 0) + 1);
    }
  }
  return [...made].filter(([, times]) => times > 1).map(([key, times]) => `${key} was made ${times} times`);
}

function commandsOf(events: readonly HistoryEvent[]): CommandEvent[] {
  return events.flatMap((event) => (event.kind === 'command' ? [event] : []));
}

function clientOf({ store, from }: CommandEvent): string {
  return `${store} ${from}`;
}
