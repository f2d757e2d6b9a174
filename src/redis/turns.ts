/**
 * When a worker may go on judging: all workers together keep to a rate of claims per second, and wait while the marker
 * Redis is slow.
 * Invariant kept: a Redis that does not answer is an error, never leave to go on.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { pingKnown } from './connect-markers.ts';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { loadScript, runScript, type MarkerRedis } from './script.ts';

const takeTurnScript = loadScript(new URL('./take-turn.lua', import.meta.url));

export interface TurnOptions {
  /** Where rate is kept: a strict connection to the Redis that all workers share. */
  readonly leases: Redis;
  readonly markers: MarkerRedis;
  readonly namespace: string;
  /** Null: no rate. */
  readonly rowsPerSecond: number | null;
  /** Null: the marker Redis may be as slow as it likes. */
  readonly pauseAboveMs: number | null;
  readonly callTimeoutMs: number;
}

/**
 * Resolves when so many further claims may be judged. Rejects with the signal's reason, and with OperatingError when a Redis
 * does not answer.
 * @param onPause told once, in words, when it waits because the marker Redis is slow
 */
export type AwaitTurn = (rows: number, signal: AbortSignal, onPause: (why: string) => void) => Promise<void>;

/** Of so many answers the quickest counts: a single slow one may be this process's own delay. */
const pings = 3;
const lookAgainMs = 500;

export function openTurns(options: TurnOptions): AwaitTurn {
  const { rowsPerSecond, pauseAboveMs } = options;
  return async (rows, signal, onPause) => {
    if (rowsPerSecond !== null && rows > 0) {
      const waitMs = await takeTurn(options, rows, rowsPerSecond);
      if (waitMs > 0) await wait(waitMs, undefined, { signal });
    }
    if (pauseAboveMs !== null) await untilFast(options, pauseAboveMs, signal, onPause);
  };
}

async function takeTurn(
  { leases, namespace, callTimeoutMs }: TurnOptions,
  rows: number,
  rowsPerSecond: number,
): Promise<number> {
  const turn = runScript(leases, takeTurnScript, [`${namespace}:turn`], [rows, rowsPerSecond]);
  return Number(await answerOf(turn, callTimeoutMs, 'asking for a turn'));
}

async function untilFast(
  { markers, callTimeoutMs }: TurnOptions,
  pauseAboveMs: number,
  signal: AbortSignal,
  onPause: (why: string) => void,
): Promise<void> {
  for (let isPaused = false; ; isPaused = true) {
    let quickestMs = Number.POSITIVE_INFINITY;
    for (let sent = 0; sent < pings && quickestMs > pauseAboveMs; sent += 1) {
      const sentAtMs = performance.now();
      await answerOf(pingKnown(markers), callTimeoutMs, 'asking the marker Redis how fast it answers');
      quickestMs = Math.min(quickestMs, performance.now() - sentAtMs);
    }
    if (quickestMs <= pauseAboveMs) return;
    if (!isPaused) {
      onPause(
        `Waiting: the marker Redis takes ${quickestMs.toFixed(1)} ms to answer, and reading is to wait above ${pauseAboveMs} ms.`,
      );
    }
    await wait(lookAgainMs, undefined, { signal });
  }
}

async function answerOf<T>(asked: Promise<T>, callTimeoutMs: number, what: string): Promise<T> {
  return withDeadline(asked, callTimeoutMs, what).catch((error: unknown) => {
    throw describeRedisError(error);
  });
}
