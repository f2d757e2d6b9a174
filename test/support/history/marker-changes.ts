/**
 * Plays the commands of a store again and tells each change of a key: what was there before, what after, and who did it.
 * A key of which nothing is known, or which ran out at about that moment, is `unknown`: nothing is judged by it.
 * Does not know commands that neither applications nor tests send.
 */
import type { CommandEvent, HistoryEvent } from './events.ts';

export type KeyState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'absent' }
  /** `endsAtMs: null`: without an expiry. `value: null`: not a string. */
  | { readonly kind: 'present'; readonly value: string | null; readonly endsAtMs: number | null };

type Present = Extract<KeyState, { readonly kind: 'present' }>;

export interface KeyChange {
  readonly atMs: number;
  readonly key: string;
  readonly words: readonly string[];
  readonly before: KeyState;
  readonly after: KeyState;
  /** The command of the client: the change itself, or the script that made it. */
  readonly by: CommandEvent;
}

const unknown: KeyState = { kind: 'unknown' };
const absent: KeyState = { kind: 'absent' };
/** A key that ran out so shortly before or after may have been there or not. */
const slackMs = 50;

/** Changes of keys that begin with `prefix`, in order; where a key was unknown, what may have been one. */
export function* keyChanges(
  events: readonly HistoryEvent[],
  store: string,
  prefix: string,
): Generator<KeyChange, void, undefined> {
  let states = new Map<string, KeyState>();
  let others: KeyState = unknown;
  for (const event of events) {
    if (event.kind === 'store' && event.store === store) {
      states = new Map();
      others = event.isEmpty ? absent : unknown;
    }
    if (event.kind !== 'command' || event.store !== store) continue;
    for (const words of isScript(event) ? event.calls : [event.words]) {
      const [command = '', ...args] = words;
      const name = command.toLowerCase();
      if (name === 'flushall' || name === 'flushdb') {
        states = new Map();
        others = absent;
      }
      for (const key of keysOf(name, args)) {
        if (!key.startsWith(prefix)) continue;
        const before = at(states.get(key) ?? others, event.atMs);
        const after = next(name, args, before, event.atMs);
        states.set(key, after);
        if (after !== before || before.kind === 'unknown')
          yield { atMs: event.atMs, key, words, before, after, by: event };
      }
    }
  }
}

export function isScript({ words: [command = ''] }: CommandEvent): boolean {
  return /^eval(sha)?$/i.test(command);
}

/** What a script was given besides its keys. */
export function argumentsOf({ words }: CommandEvent): readonly string[] {
  return words.slice(3 + Number(words[2] ?? '0'));
}

/** Those that a command may change. */
function keysOf(name: string, args: readonly string[]): readonly string[] {
  switch (name) {
    case 'del':
    case 'unlink':
      return args;
    case 'set':
    case 'pexpire':
    case 'persist':
    case 'hset':
      return args.slice(0, 1);
    default:
      return [];
  }
}

function at(state: KeyState, nowMs: number): KeyState {
  if (state.kind !== 'present' || state.endsAtMs === null || state.endsAtMs > nowMs + slackMs) return state;
  return state.endsAtMs < nowMs - slackMs ? absent : unknown;
}

function next(name: string, args: readonly string[], before: KeyState, nowMs: number): KeyState {
  switch (name) {
    case 'del':
    case 'unlink':
      return before.kind === 'absent' ? before : absent;
    case 'set':
      return set(args, before, nowMs);
    case 'pexpire':
      return before.kind === 'present' ? endingIn(before, Number(args[1]), nowMs) : before;
    case 'persist':
      return before.kind === 'present' ? { ...before, endsAtMs: null } : before;
    default:
      return { kind: 'present', value: null, endsAtMs: null };
  }
}

function endingIn(before: Present, leftMs: number, nowMs: number): KeyState {
  return leftMs > 0 ? { ...before, endsAtMs: nowMs + leftMs } : absent;
}

function set([, value = '', ...options]: readonly string[], before: KeyState, nowMs: number): KeyState {
  const words = options.map((word) => word.toUpperCase());
  if (words.includes('NX') && before.kind !== 'absent') return before;
  const px = words.indexOf('PX');
  return { kind: 'present', value, endsAtMs: px === -1 ? null : nowMs + Number(words[px + 1]) };
}
