/**
 * What the user of a connection to Redis is not allowed to do, as sentences with the command that allows it.
 * Invariant kept: only asks; nothing is run, read or written, whatever the answer.
 */
import type { Redis } from 'ioredis';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { loadScript, runScript } from './script.ts';

/** Commands that are needed together, on the same keys. */
export interface Need {
  /** What for, in words. */
  readonly what: string;
  /** One of the keys, and the pattern of an access list that holds all of them; null for commands without a key. */
  readonly keys: { readonly example: string; readonly pattern: string } | null;
  /** Words separated by blanks; `KEY` stands for the key. */
  readonly calls: readonly string[];
}

const script = loadScript(new URL('./check-rights.lua', import.meta.url));

/** Throws OperatingError if the server does not answer in time. */
export async function rightsProblems(
  redis: Redis,
  needs: readonly Need[],
  callTimeoutMs: number,
): Promise<string[]> {
  const user = redis.options.username ?? 'default';
  const calls = needs.flatMap((need) => need.calls.map((call) => ({ need, words: wordsOf(call, need) })));
  const args = calls.flatMap(({ words }) => [words.length, ...words]);
  let refused: ReadonlySet<number>;
  try {
    const work = runScript(redis, script, [], args);
    refused = readNumbers(await withDeadline(work, callTimeoutMs, `asking what ${user} may do in Redis`));
  } catch (error) {
    const trouble = describeRedisError(error);
    if (!trouble.message.includes('NOPERM')) throw trouble;
    return [
      `the user ${user} may not run scripts, without which nothing else can be asked; run: ACL SETUSER ${user} +eval +evalsha`,
    ];
  }
  return needs.flatMap((need) => {
    const names = calls.flatMap(({ need: own, words }, at) =>
      own === need && refused.has(at + 1) ? [nameOf(words)] : [],
    );
    return names.length === 0 ? [] : [sentenceOf(user, need, [...new Set(names)].sort())];
  });
}

function wordsOf(call: string, { keys }: Need): string[] {
  return call.split(' ').map((word) => (word === 'KEY' ? (keys?.example ?? word) : word));
}

/** As access lists write it. */
function nameOf([command = '', sub = '']: readonly string[]): string {
  return command === 'client' || command === 'cluster' ? `${command}|${sub}` : command;
}

function sentenceOf(user: string, { what, keys }: Need, names: readonly string[]): string {
  const onKeys = keys === null ? '' : ` on keys such as ${keys.example}`;
  const pattern = keys === null ? '' : ` ~${keys.pattern}`;
  const commands = names.map((name) => ` +${name}`).join('');
  return `the user ${user} may not run ${names.join(', ')}${onKeys} (${what}); run: ACL SETUSER ${user}${pattern}${commands}`;
}

function readNumbers(reply: unknown): Set<number> {
  return new Set(Array.isArray(reply) ? reply.map(Number) : []);
}
