/**
 * The hot path: compares claims with their markers inside Redis, a block of lines a call and a few calls in flight, and
 * returns only the suspicious. Agrees with `assess` (a test holds them together).
 * Invariant kept: a failed or short read throws; it never looks like "nothing suspicious".
 */
import { Redis } from 'ioredis';
import { screenBlock, type ClaimLines, type ScreenOptions } from './screen-block.ts';
import { screenOnCluster } from './screen-cluster.ts';

/** Screens all lines and returns the suspicious, from 0, in order. Throws OperatingError if any call fails or is late. */
export async function screenMarkers(claims: ClaimLines, options: ScreenOptions): Promise<number[]> {
  const { redis } = options;
  const found =
    redis instanceof Redis
      ? await screenOnOne(claims, options)
      : await screenOnCluster(claims, { ...options, redis });
  return found.sort((a, b) => a - b);
}

/** A block is a part of the page as it lies in memory. */
async function screenOnOne({ bytes, bounds, count }: ClaimLines, options: ScreenOptions): Promise<number[]> {
  const found: number[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const from = next;
      next = Math.min(from + options.pace.lines, count);
      const text = bytes.subarray(bounds[from], bounds[next]);
      for (const line of await screenBlock({ text, lines: next - from }, options))
        found.push(from + line - 1);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.callsInFlight }, work));
  } finally {
    // Once a call has failed, nothing more is asked.
    next = count;
  }
  return found;
}
