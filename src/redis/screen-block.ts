/**
 * One call of the screening: compares a block of claims with their markers inside Redis and returns only the suspicious.
 * Invariant kept: a failed or short read throws; it never looks like "nothing suspicious".
 */
import { nextBlockLines, type BlockLimits } from '../domain/block-pace.ts';
import { OperatingError } from '../domain/operating-error.ts';
import type { SourceRules } from '../domain/source.ts';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { stringMarkers, type MarkerForm } from './marker-form.ts';
import { runScript, type MarkerRedis } from './script.ts';
import { askServerTime } from './server-time.ts';

/** Lines as COPY writes them, see `screen-markers.lua`. */
export interface ClaimLines {
  readonly bytes: Buffer;
  /** Line n (from 0) lies between entries n and n + 1. */
  readonly bounds: Uint32Array;
  readonly count: number;
}

/** Kept from page to page, for all servers together. */
export interface ScreenPace {
  /** How many lines a block has now. */
  lines: number;
  /** Blocks screened so far. */
  blocks: number;
}

/** The server's clock is asked before and after one block in so many: often enough to follow, and next to nothing. */
const blocksPerLook = 8;

export interface ScreenOptions {
  readonly redis: MarkerRedis;
  readonly rules: Pick<SourceRules, 'toleranceMs' | 'valueNamesAttempt' | 'endless'>;
  /** What markers hold says nothing. */
  readonly anyValue: boolean;
  /** Strings unless given. */
  readonly form?: MarkerForm;
  /** Database time, Unix milliseconds. */
  readonly nowMs: () => number;
  readonly callTimeoutMs: number;
  /** Calls on their way at one time, to one server. */
  readonly callsInFlight: number;
  readonly block: BlockLimits;
  readonly pace: ScreenPace;
}

export interface Block {
  /** Lines as COPY writes them, one after the other; see `screen-markers.lua`. */
  readonly text: Buffer;
  readonly lines: number;
  /** On a Cluster a key of the server that holds all keys of the block. */
  readonly key?: string;
}

/**
 * Returns the numbers of the suspicious lines, from 1, and sets the pace for the next block. Throws OperatingError when the
 * call fails or is late.
 */
export async function screenBlock(
  { text, lines, key }: Block,
  { redis, rules, anyValue, form = stringMarkers, nowMs, callTimeoutMs, block, pace }: ScreenOptions,
): Promise<number[]> {
  // The last block of a page may be too short to tell anything.
  const isTimed = pace.blocks % blocksPerLook === 0 && lines * 2 >= pace.lines;
  pace.blocks += 1;
  const says = anyValue ? 'any' : rules.valueNamesAttempt ? 'attempt' : 'value';
  const ends = rules.endless === true ? 'endless' : 'ending';
  const args = [text, Math.round(nowMs()), rules.toleranceMs, says, ends, ...form.last];
  // A script cannot time itself: since Redis 7.2 the clock stands still while one runs. Commands that are sent together are
  // carried out one after the other, so what lies between the two times is the script's, or a little more.
  const time = async (): Promise<number> => askServerTime(redis, key ?? '');
  const call = (): Promise<unknown> =>
    key === undefined
      ? runScript(redis, form.screen, [], args)
      : runScript(redis, form.screen, [key], [...args, 'each']);
  const calls = isTimed ? [time(), call(), time()] : [call()];
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
    const serverMs = Math.max(0, Number(ended) - Number(began));
    pace.lines = nextBlockLines(pace.lines, { lines, serverMs }, block);
  }
  return reply.slice(1);
}

function isNumbers(reply: unknown): reply is number[] {
  return Array.isArray(reply) && reply.every((item) => typeof item === 'number');
}
