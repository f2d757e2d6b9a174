/**
 * A large pass as Bull Board shows it: its chunks are parts of its job.
 */
import { expect, it } from 'vitest';
import { startShopDaemon } from '../app/support/shop-daemon.ts';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import { waitFor } from '../support/wait-for.ts';
import { useBrowser } from './support/use-browser.ts';

const worlds = useWorlds();
const program = useProgram();
const browser = useBrowser();

it('shows the chunks of a large window as a tree below the job of their pass', async () => {
  const world = await worlds.create();
  const daemon = await startShopDaemon(world, program, {
    mode: 'observe',
    reading: '{ chunks: { over: 0, rows: 1000 } }',
  });
  await daemon.started;
  try {
    await world.pool.query(
      `insert into gift_claim (uid, attempt_id, status, expires_at)
       select n, 'attempt-' || n, 'failed', clock_timestamp() from generate_series(1, 8000) n`,
    );
    const jobs = 'claim-reconciler:queue:passes';
    const whole = await waitFor(
      async () => {
        const ids = await world.redis.zrange(`${jobs}:completed`, '0', '-1');
        for (const id of ids) if ((await world.redis.hlen(`${jobs}:${id}:processed`)) >= 2) return id;
        return null;
      },
      { what: 'a pass with parts', timeoutMs: 60_000 },
    );
    const page = await browser.open();
    await page.goto(`${daemon.url}/queues/queue/passes/${whole}`);
    await page.getByText('pass over gifts').first().waitFor();
    await page
      .getByText(/chunk \d+ of pass \d+ over gifts/)
      .first()
      .waitFor();
    expect(browser.complaints).toEqual([]);
  } finally {
    await daemon.stop();
  }
});
