/**
 * A process that runs passes until it is killed, for the test beside it. It prints a line for every pass.
 */
import { run } from '../../jobs/pass.ts';
import { createHttpDistributor } from '../../src/distributor/http-distributor.ts';
import { connectPostgres, defaultPoolLimits } from '../../src/postgres/connect.ts';
import { connectStrict, untilReady } from '../../src/redis/connect.ts';
import { jobDeps, silentReporter } from '../reconcile/support/job-deps.ts';

const [databaseUrl = '', redisUrl = '', distributorUrl = '', graceMs = '1000'] = process.argv.slice(2);
const ignore = (): void => undefined;
const pool = connectPostgres({
  url: databaseUrl,
  applicationName: 'pass',
  ...defaultPoolLimits,
  onError: ignore,
});
const redis = connectStrict(redisUrl, { onError: ignore });
await untilReady(redis, 10_000);
const distributor = createHttpDistributor({ url: distributorUrl, headers: {}, timeoutMs: 250, retries: 0 });
const deps = jobDeps(
  { pool, markers: redis, leases: redis },
  { distributor, rules: { graceMs: Number(graceMs) } },
);
const { signal } = new AbortController();

for (;;) {
  const payload = { source: 'gifts', by: 'test', force: false, waits: true };
  const said = await run(payload, deps, silentReporter, signal).then(
    ({ outcome }) => outcome,
    (error: Error) => `failed: ${error.message}`,
  );
  console.log(`pass ${said}`);
}
