/**
 * Lua scripts kept in `.lua` files: loaded once, called by their SHA-1, sent in full when the server does not know them
 * (after a restart or SCRIPT FLUSH).
 * Invariant kept: a script runs once per call; NOSCRIPT means that it did not run.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Cluster, Redis } from 'ioredis';

/** Where markers live. On a cluster a script must be given all its keys, and they must lie in one slot. */
export type MarkerRedis = Redis | Cluster;

export interface Script {
  readonly source: string;
  readonly sha1: string;
}

export type ScriptArgument = string | Buffer | number;

/** Reads a script beside the calling module: `loadScript(new URL('./name.lua', import.meta.url))`. */
export function loadScript(url: URL): Script {
  const source = readFileSync(url, 'utf8');
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/** Runs a script and returns its reply with strings as Buffers, so that no byte of a marker's value is lost. */
export async function runScript(
  redis: MarkerRedis,
  script: Script,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<unknown> {
  const rest = [keys.length, ...keys, ...args];
  try {
    return await redis.callBuffer('EVALSHA', [script.sha1, ...rest]);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('NOSCRIPT')) throw error;
    return redis.callBuffer('EVAL', [script.source, ...rest]);
  }
}
