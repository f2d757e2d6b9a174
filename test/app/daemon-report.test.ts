/**
 * A report over HTTP to a daemon that runs: taken by its dashboard's port, repaired by its own passes.
 */
import { expect, it } from 'vitest';
import { useProgram } from '../cli/support/program.ts';
import { basic } from '../http/options.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import { waitFor } from '../support/wait-for.ts';
import { startShopDaemon } from './support/shop-daemon.ts';

const worlds = useWorlds();
const program = useProgram();

it('is answered with a verdict, and its marker goes with the next pass', async () => {
  const world = await worlds.create();
  const claim = await world.addGift({ status: 'failed' });
  await world.settle();
  const http = '{ port: 0, credentials: { username: shop, password: secret } }';
  const daemon = await startShopDaemon(world, program, { http });
  try {
    const { url } = await daemon.started;
    await waitFor(async () => (await world.checkpoint()).changeXid !== '0', {
      what: 'the claim to be judged without its marker',
    });
    await world.setMarker(claim);
    const send = async (headers: Record<string, string>): Promise<Response> =>
      fetch(`${url}/api/reports`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({
          source: 'gifts',
          markerKey: claim.key,
          attempt: claim.attempt,
          reason: 'DEL timed out',
        }),
      });
    expect((await send({})).status).toBe(401);
    const response = await send(basic('shop', 'secret'));
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({
      reportId: '1',
      verdict: 'orphan_marker',
      discrepancyId: '1',
    });
    await waitFor(async () => (await world.readMarker(claim.key)) === null, {
      what: 'the marker to be gone',
    });
    const { rows } = await world.pool.query('select reported_by from reconciler.report');
    expect(rows).toEqual([{ reported_by: 'shop' }]);
    const metrics = await fetch(`${url}/metrics`, { headers: basic('shop', 'secret') });
    expect(await metrics.text()).toContain('claim_reconciler_reports_stored_total{source="gifts"} 1');
  } finally {
    expect(await daemon.stop()).toBe(true);
  }
});

it('without credentials in the configuration is refused in a sentence', async () => {
  const world = await worlds.create();
  const daemon = await startShopDaemon(world, program);
  try {
    const { url } = await daemon.started;
    const response = await fetch(`${url}/api/reports`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('Set http.credentials.');
  } finally {
    await daemon.stop();
  }
});
