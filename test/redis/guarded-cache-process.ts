/**
 * A process that asks a guarded cache for one value many times at once, for the tests beside it. Its rebuild counts
 * itself in the key `rebuilds` and brings what the key `go` holds once it is there, whether its signal aborts or not.
 * It prints `asked`, `rebuilding`, and in the end `got <n> times <value>`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { connectStrict, endRedis, untilReady } from '../../src/redis/connect.ts';
import { GuardedCache } from '../../src/redis/guarded-cache.ts';

const [url, namespace, key, readers] = process.argv.slice(2);
if (url === undefined || namespace === undefined || key === undefined) {
  throw new Error('usage: guarded-cache-process.ts REDIS NAMESPACE KEY READERS');
}
const redis = connectStrict(url, { onError: () => undefined });
await untilReady(redis, 10_000);
const cache = new GuardedCache({
  redis,
  namespace,
  freshMs: 3_600_000,
  staleMs: 3_600_000,
  waitMs: 30_000,
  rebuildMs: 30_000,
  leaseTiming: { ttlMs: 3_000, renewEveryMs: 300, callTimeoutMs: 1_000 },
  onTrouble: ({ message }) => console.log(`trouble ${message}`),
});

async function rebuild(): Promise<string | null> {
  await redis.multi().incr('rebuilds').pexpire('rebuilds', 60_000).exec();
  console.log('rebuilding');
  for (;;) {
    const value = await redis.get('go');
    if (value !== null) return value;
    await pause(10);
  }
}

const asked = Array.from({ length: Number(readers) }, async () => cache.get(key, rebuild));
console.log('asked');
const values = new Set((await Promise.all(asked)).map((value) => JSON.stringify(value)));
console.log(`got ${asked.length} times ${[...values].join(' and ')}`);
await cache.close();
await endRedis(redis, 1_000);
