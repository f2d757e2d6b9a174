/**
 * The hot path: compares blocks of claims with their markers inside Redis, a few calls in flight, and returns only the
 * suspicious. Agrees with `assess` (a test holds them together).
 * Invariant kept: a failed or short read throws; it never looks like "nothing suspicious".
 */
import type { Redis } from 'ioredis';
import { OperatingError } from '../domain/operating-error.ts';
import type { SourceRules } from '../domain/source.ts';
import { describeRedisError, withDeadline } from './connect.ts';
import { loadScript, runScript } from './script.ts';

const screenMarkersScript = loadScript(new URL('./screen-markers.lua', import.meta.url));

/** Lines as COPY writes them, see `screen-markers.lua`. */
export interface ClaimBlock {
  readonly bytes: Buffer;
  readonly lines: number;
}

/** A line of a block that must be read in full and judged: `block` and `line` count from 0. */
export interface Suspect {
  readonly block: number;
  readonly line: number;
}

export interface ScreenOptions {
  readonly redis: Redis;
  readonly rules: Pick<SourceRules, 'toleranceMs' | 'valueNamesAttempt'>;
  /** Database time, Unix milliseconds. */
  readonly nowMs: () => number;
  readonly callTimeoutMs: number;
  /** Calls on their way at one time: what other clients of Redis feel is lines × calls. */
  readonly callsInFlight: number;
}

/** Screens all blocks and returns the suspicious lines in order. Throws OperatingError if any call fails or is late. */
export async function screenMarkers(
  blocks: readonly ClaimBlock[],
  options: ScreenOptions,
): Promise<Suspect[]> {
  const found: number[][] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let block = next++; block < blocks.length; block = next++) {
      found[block] = await screenBlock(blocks[block], options);
    }
  };
  await Promise.all(Array.from({ length: options.callsInFlight }, work));
  return found.flatMap((lines, block) => lines.map((line) => ({ block, line: line - 1 })));
}

async function screenBlock(block: ClaimBlock | undefined, options: ScreenOptions): Promise<number[]> {
  if (block === undefined) return [];
  const { redis, rules, nowMs, callTimeoutMs } = options;
  const args = [block.bytes, Math.round(nowMs()), rules.toleranceMs, rules.valueNamesAttempt ? 1 : 0];
  const reply = await withDeadline(
    runScript(redis, screenMarkersScript, [], args),
    callTimeoutMs,
    'comparing a block of markers',
  ).catch((error: unknown) => {
    throw describeRedisError(error);
  });
  if (!isNumbers(reply) || reply[0] !== block.lines) {
    throw new OperatingError(
      'redis_unreachable',
      `The marker Redis compared ${isNumbers(reply) ? reply[0] : 'an unknown number'} of ${block.lines} claims of a ` +
        'block. Nothing of this block counts as judged.',
    );
  }
  return reply.slice(1);
}

function isNumbers(reply: unknown): reply is number[] {
  return Array.isArray(reply) && reply.every((item) => typeof item === 'number');
}
