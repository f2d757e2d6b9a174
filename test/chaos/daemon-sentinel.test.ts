/**
 * The daemon over a primary that Sentinels watch, its markers and its queue on it: the primary is killed, a replica that has
 * not got the last writes is promoted, and the daemon goes on there. Judged by what is in both stores.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startShopDaemon } from '../app/support/shop-daemon.ts';
import { useProgram } from '../cli/support/program.ts';
import { shopConfig } from '../cli/support/shop-config.ts';
import { createWorld, type World } from '../reconcile/support/world.ts';
import { startSentinels, type TestSentinels } from '../support/redis-sentinel.ts';
import { strictTo } from '../support/strict-redis.ts';
import { waitFor } from '../support/wait-for.ts';

const program = useProgram();
const patience = { timeoutMs: 60_000 };
let sentinels: TestSentinels;
let world: World;
beforeAll(async () => {
  sentinels = await startSentinels();
  world = await createWorld({ redisUrl: sentinels.url });
});
afterAll(async () => {
  await world.drop();
  await sentinels.stop();
});

it('the daemon follows, the lost markers are found and re-issued unasked, and passes go on', async () => {
  const config = await program.write('sentinel.yaml', shopConfig(world));
  expect(await program.run(['check', '--config', config])).toMatchObject({ code: 0, err: [] });
  const daemon = await startShopDaemon(world, program, { queueUrl: sentinels.url.replace(/0$/, '1') });
  const replica = await strictTo(sentinels.replica.url);
  try {
    await daemon.started;
    const kept = await world.addGift();
    await world.setMarker(kept);
    await waitFor(async () => (await replica.get(kept.key)) === kept.attempt, {
      what: 'the replica to have it',
    });
    sentinels.replica.signal('SIGSTOP');
    await world.redis.call('CLIENT', 'KILL', 'TYPE', 'replica');
    const lost = [await world.addGift(), await world.addGift()];
    for (const gift of lost) await world.setMarker(gift);
    await waitFor(async () => (await world.checkpoint()).id === lost.at(-1)?.id, {
      what: 'them to be judged',
      ...patience,
    });
    const before = (await world.repairs()).length;
    await sentinels.primary.kill();
    sentinels.replica.signal('SIGCONT');
    await waitFor(
      async () =>
        (await world.repairs()).filter(({ outcome }) => outcome === 'applied').length === before + 2,
      {
        what: 'the repairs',
        ...patience,
      },
    );
    for (const { key, attempt } of [kept, ...lost]) expect(await replica.get(key)).toBe(attempt);
    const next = await world.addGift();
    await waitFor(async () => (await replica.get(next.key)) === next.attempt, {
      what: 'a later claim to be repaired',
      ...patience,
    });
    await waitFor(async () => (await world.discrepancies()).every(({ state }) => state === 'resolved'), {
      what: 'all to be settled',
      ...patience,
    });
  } finally {
    expect(await daemon.stop()).toBe(true);
    replica.disconnect();
  }
}, 120_000);
