/**
 * A process that claims through a gate until it is killed, for the test beside it: what there is to claim changes with the
 * time, so that all such processes want the same few things. It prints a line for every claim that was not blocked.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { createHttpDistributor } from '../../src/distributor/http-distributor.ts';
import type { Distributor } from '../../src/domain/distributor.ts';
import { createGate } from '../../src/gate/gate.ts';
import { openClaimTable } from '../../src/postgres/claim-table.ts';
import { connectPostgres, defaultPoolLimits } from '../../src/postgres/connect.ts';
import { connectStrict, untilReady } from '../../src/redis/connect.ts';
import { dayMs, giftSource } from '../reconcile/support/claim-tables.ts';
import { createRandom } from '../support/seeded-random.ts';

const [databaseUrl = '', redisUrl = '', distributorUrl = '', seed = '0', epochMs = '0', namespace = 'own'] =
  process.argv.slice(2);
const thingLastsMs = 40;
const thingsAtOnce = 8;
const triesAgainMs = 10;
const farMs = 80;
const ignore = (): void => undefined;
const random = createRandom(Number(seed));
const pool = connectPostgres({
  url: databaseUrl,
  applicationName: 'gate',
  ...defaultPoolLimits,
  onError: ignore,
});
const redis = connectStrict(redisUrl, { onError: ignore });
const direct = createHttpDistributor({ url: distributorUrl, headers: {}, timeoutMs: 250, retries: 0 });
/** Far away, so that a kill comes more often than not between two steps of a claim. */
const distributor: Distributor = {
  ...direct,
  grant: async (grant, signal) => {
    await wait(random.integer(0, farMs));
    const answer = await direct.grant(grant, signal);
    await wait(random.integer(0, farMs));
    return answer;
  },
};
await untilReady(redis, 10_000);
const table = await openClaimTable(pool, giftSource);
const gate = createGate(
  { pool, redis, distributor, table, namespace },
  { ttlMs: dayMs, distributorTimeoutMs: 250, redisTimeoutMs: 500, onTrouble: ignore },
);

async function claimOn(): Promise<never> {
  for (;;) {
    const uid =
      1 + Math.floor((Date.now() - Number(epochMs)) / thingLastsMs) + random.integer(0, thingsAtOnce);
    const said = await gate.claim({ columns: { uid } }).then(
      ({ kind }) => kind,
      () => 'failed',
    );
    if (said !== 'already_claimed') console.log(`${uid} ${said}`);
    // A user who was not served tries again a little later.
    if (said !== 'granted') await wait(triesAgainMs);
  }
}

await Promise.all(Array.from({ length: 6 }, claimOn));
