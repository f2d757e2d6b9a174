/**
 * A daemon over a table that may not be altered and whose markers are hashes: found, repaired, and shown.
 */
import { afterEach, expect, it } from 'vitest';
import { useProgram } from '../cli/support/program.ts';
import { shopConfig } from '../cli/support/shop-config.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import { waitFor } from '../support/wait-for.ts';
import { startConfigured, type ShopDaemon } from './support/shop-daemon.ts';

const worlds = useWorlds();
const program = useProgram();
let daemon: ShopDaemon | null = null;

afterEach(async () => {
  await daemon?.stop();
  daemon = null;
});

it('repairs what is wrong, sees what changes, and shows how far it is', async () => {
  const world = await worlds.create();
  await world.pool.query('drop trigger stamp_change on gift_claim; create index on gift_claim (created_at);');
  const text = shopConfig(world, { schedule: '* * * * * *', grace: '100ms' })
    .replace('    marker: {', '    position: { column: created_at, overlap: 10m }\n    marker: {')
    .replace('tolerance: 1m }', 'tolerance: 1m, hashField: attempt }');
  daemon = await startConfigured(text, program);
  await daemon.started;
  const gift = await world.addGift();
  const isThere = async (): Promise<boolean> =>
    (await world.redis.hget(gift.key, 'attempt')) === gift.attempt;
  await waitFor(isThere, { what: 'the marker to be set again', timeoutMs: 30_000 });
  await world.setGiftStatus(gift, 'failed');
  await waitFor(async () => !(await isThere()), { what: 'the orphan to be deleted', timeoutMs: 30_000 });
  const reached = await world.pool.query<{ position: string }>('select position from reconciler.checkpoint');
  expect(Date.parse(reached.rows[0]?.position ?? '')).toBeGreaterThan(0);
  const { status, text: page } = await daemon.get('/');
  expect(status).toBe(200);
  expect(page).toContain(reached.rows[0]?.position.slice(0, 10));
}, 90_000);
