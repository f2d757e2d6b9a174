/**
 * A strict connection, as passes have it, ready to be used. Whoever opens it ends it.
 */
import type { Redis } from 'ioredis';
import { connectStrict, untilReady } from '../../src/redis/connect.ts';

export async function strictTo(url: string): Promise<Redis> {
  const strict = connectStrict(url, { onError: () => undefined });
  await untilReady(strict, 5_000);
  return strict;
}
