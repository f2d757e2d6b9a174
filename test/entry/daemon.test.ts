/**
 * `claim-reconciler/daemon`: the daemon inside a process of one's own.
 */
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { startDaemon } from '../../src/entry/daemon.ts';
import { shopConfig } from '../cli/support/shop-config.ts';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { waitFor } from '../support/wait-for.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;
beforeEach(async () => {
  world = await worlds.create();
});

describe('a daemon in a process of one’s own', () => {
  it('repairs, tells its host’s logger, and stops when the host says so, without listening for signals', async () => {
    const config = await program.write('daemon.yaml', shopConfig(world, { schedule: '* * * * * *' }));
    const lines: string[] = [];
    const stopping = new AbortController();
    const listeners = process.listenerCount('SIGTERM');
    const claim = await world.addGift();
    const daemon = await startDaemon({
      config,
      env: {},
      signal: stopping.signal,
      logger: pino({}, { write: (line: string) => void lines.push(line) }),
    });
    await waitFor(async () => (await world.readMarker(claim.key))?.value === claim.attempt, {
      what: 'a repair',
    });
    expect(process.listenerCount('SIGTERM')).toBe(listeners);
    expect((await fetch(`${daemon.url}/readyz`)).status).toBe(200);
    stopping.abort();
    expect(await daemon.stopped).toBe(true);
    expect(lines.join('')).toContain('stopped');
    await expect(fetch(`${daemon.url}/livez`)).rejects.toThrow();
  });

  it('is not started by a configuration that does not hold, and says all that is wrong', async () => {
    const config = await program.write('wrong.yaml', 'database: {}\nsorces: {}\n');
    const signal = new AbortController().signal;
    await expect(startDaemon({ config, env: {}, signal })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/database\.url[^]*sorces/),
    });
  });
});
