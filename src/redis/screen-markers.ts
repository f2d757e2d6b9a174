/**
 * The hot path: compares claims with their markers inside Redis, a block of lines a call and a few calls in flight, and
 * returns only the suspicious. Agrees with `assess` (a test holds them together).
 * Invariant kept: a failed or short read throws; it never looks like "nothing suspicious".
 */
import type { Redis } from 'ioredis';
import { nextBlockLines, type BlockLimits } from '../domain/block-pace.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { SourceRules } from '../domain/source.ts';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { stringMarkers, type MarkerForm } from './marker-form.ts';
import { runScript } from './script.ts';

/** Lines as COPY writes them, see `screen-markers.lua`. */
export interface ClaimLines {
  readonly bytes: Buffer;
  /** Line n (from 0) lies between entries n and n + 1. */
  readonly bounds: Uint32Array;
  readonly count: number;
}

/** Kept from page to page. */
export interface ScreenPace {
  /** How many lines a block has now. */
  lines: number;
  /** Blocks screened so far. */
  blocks: number;
}

/** The server's clock is asked before and after one block in so many: often enough to follow, and next to nothing. */
const blocksPerLook = 8;

export interface ScreenOptions {
  readonly redis: Redis;
  readonly rules: Pick<SourceRules, 'toleranceMs' | 'valueNamesAttempt' | 'endless'>;
  /** What markers hold says nothing. */
  readonly anyValue: boolean;
  /** Strings unless given. */
  readonly form?: MarkerForm;
  /** Database time, Unix milliseconds. */
  readonly nowMs: () => number;
  readonly callTimeoutMs: number;
  /** Calls on their way at one time. */
  readonly callsInFlight: number;
  readonly block: BlockLimits;
  readonly pace: ScreenPace;
}

/** Screens all lines and returns the suspicious, from 0, in order. Throws OperatingError if any call fails or is late. */
export async function screenMarkers(claims: ClaimLines, options: ScreenOptions): Promise<number[]> {
  const found: number[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < claims.count) {
      const from = next;
      next = Math.min(from + options.pace.lines, claims.count);
      for (const line of await screenBlock(claims, from, next, options)) found.push(from + line - 1);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.callsInFlight }, work));
  } finally {
    // Once a call has failed, nothing more is asked.
    next = claims.count;
  }
  return found.sort((a, b) => a - b);
}

/** Returns the numbers of the suspicious lines of a block, from 1, and sets the pace for the next. */
async function screenBlock(
  { bytes, bounds }: ClaimLines,
  from: number,
  to: number,
  { redis, rules, anyValue, form = stringMarkers, nowMs, callTimeoutMs, block, pace }: ScreenOptions,
): Promise<number[]> {
  const lines = to - from;
  // The last block of a page may be too short to tell anything.
  const isTimed = pace.blocks % blocksPerLook === 0 && lines * 2 >= pace.lines;
  pace.blocks += 1;
  const text = bytes.subarray(bounds[from], bounds[to]);
  const says = anyValue ? 'any' : rules.valueNamesAttempt ? 'attempt' : 'value';
  const ends = rules.endless === true ? 'endless' : 'ending';
  const args = [text, Math.round(nowMs()), rules.toleranceMs, says, ends, ...form.last];
  // A script cannot time itself: since Redis 7.2 the clock stands still while one runs. Commands that are sent together are
  // carried out one after the other, so what lies between the two times is the script's, or a little more.
  const call = (): Promise<unknown> => runScript(redis, form.screen, [], args);
  const calls = isTimed ? [redis.time(), call(), redis.time()] : [call()];
  const answers = await withDeadline(Promise.all(calls), callTimeoutMs, 'comparing a block of markers').catch(
    (error: unknown) => {
      throw describeRedisError(error);
    },
  );
  const [began, reply, ended] = isTimed ? answers : [null, ...answers];
  if (!isNumbers(reply) || reply[0] !== lines) {
    throw new OperatingError(
      'redis_unreachable',
      `The marker Redis compared ${isNumbers(reply) ? reply[0] : 'an unknown number'} of ${lines} claims of a ` +
        'block. Nothing of this block counts as judged.',
    );
  }
  if (isTimed) {
    const serverMs = Math.max(0, timeMs(ended) - timeMs(began));
    pace.lines = nextBlockLines(pace.lines, { lines, serverMs }, block);
  }
  return reply.slice(1);
}

/** Of an answer to TIME: seconds and microseconds. */
function timeMs(answer: unknown): number {
  const [seconds = 0, microseconds = 0] = Array.isArray(answer) ? answer.map(Number) : [];
  return seconds * 1000 + microseconds / 1000;
}

function isNumbers(reply: unknown): reply is number[] {
  return Array.isArray(reply) && reply.every((item) => typeof item === 'number');
}
