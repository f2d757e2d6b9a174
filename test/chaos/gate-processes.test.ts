/**
 * Real processes of applications and reconcilers: killed, stopped and let go on, their leases taken from them, replies of
 * Redis lost, all while they claim few things many times. Then the faults end, and everything settles with one grant at most
 * for each thing (invariants 2, 3, 7, 9).
 */
import { expect, it } from 'vitest';
import { useWorlds } from '../reconcile/support/use-world.ts';
import { startProcess, type ProcessHandle } from '../support/process-handle.ts';
import { chooseSeed, createRandom, type SeededRandom } from '../support/seeded-random.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { openGateWorld, type GateWorld } from './support/gate-world.ts';

const worlds = useWorlds();
const faults = [
  'kill gate',
  'kill passes',
  'stop gate',
  'stop passes',
  'lose replies',
  'lose markers',
] as const;
const rounds = 3 * faults.length;

class Cast {
  readonly #gates: GateWorld;
  readonly #random: SeededRandom;
  readonly #proxy: TcpProxy;
  readonly #epochMs = Date.now();
  readonly gates: ProcessHandle[] = [];
  readonly passes: ProcessHandle[] = [];

  constructor(gates: GateWorld, random: SeededRandom, proxy: TcpProxy) {
    this.#gates = gates;
    this.#random = random;
    this.#proxy = proxy;
  }

  startGate(at: number): void {
    const { world, distributor } = this.#gates;
    // One of them reaches Redis through the proxy.
    const redisUrl = at === 0 ? this.#proxy.url : world.redisUrl;
    const seed = String(this.#random.integer(1, 1e6));
    const args = [world.databaseUrl, redisUrl, distributor.url, seed, String(this.#epochMs)];
    this.gates[at] = startProcess('test/chaos/gate-process.ts', { args });
  }

  startPasses(at: number): void {
    const { world, distributor } = this.#gates;
    const args = [world.databaseUrl, world.redisUrl, distributor.url];
    this.passes[at] = startProcess('test/chaos/pass-process.ts', { args });
  }

  all(): ProcessHandle[] {
    return [...this.gates, ...this.passes];
  }
}

/** Until the others have got on: more hand-outs, more passes. */
async function untilOthersGetOn(cast: Cast): Promise<void> {
  const said = (): number => cast.all().reduce((sum, handle) => sum + handle.lines().length, 0);
  const before = said();
  await waitFor(() => said() > before + 30, { what: 'the others', timeoutMs: 30_000 });
}

async function letGoWrong(
  fault: (typeof faults)[number],
  gates: GateWorld,
  cast: Cast,
  random: SeededRandom,
  proxy: TcpProxy,
): Promise<void> {
  const at = random.integer(0, 1);
  switch (fault) {
    case 'kill gate':
      await cast.gates[at]?.kill();
      cast.startGate(at);
      break;
    case 'kill passes':
      await cast.passes[at]?.kill();
      await gates.world.breakLease();
      cast.startPasses(at);
      break;
    case 'stop gate':
    case 'stop passes': {
      const stopped = (fault === 'stop gate' ? cast.gates : cast.passes)[at];
      stopped?.signal('SIGSTOP');
      await gates.world.breakLease();
      await untilOthersGetOn(cast);
      stopped?.signal('SIGCONT');
      break;
    }
    case 'lose replies':
      proxy.set('swallow_replies');
      await untilOthersGetOn(cast);
      proxy.set('pass');
      proxy.cut();
      break;
    case 'lose markers':
      for (const { markerKey } of [...gates.distributor.book().values()].slice(-20))
        await gates.world.redis.del(markerKey);
      break;
  }
  await untilOthersGetOn(cast);
}

it('processes that are killed, stopped and cut off hand each thing out once, and everything settles', async () => {
  const random = createRandom(chooseSeed('gate processes'));
  const world = await worlds.create();
  const proxy = await startTcpProxy(world.redisUrl);
  const gates = await openGateWorld(world, { notGranted: 'grant', honoursNotAfter: false });
  const cast = new Cast(gates, random, proxy);
  try {
    for (const at of [0, 1]) {
      cast.startGate(at);
      cast.startPasses(at);
    }
    await untilOthersGetOn(cast);
    for (let round = 0; round < rounds; round += 1) {
      await letGoWrong(faults[round % faults.length] ?? 'kill gate', gates, cast, random, proxy);
    }
    for (const handle of cast.all()) await handle.kill();
    await world.breakLease();
    await gates.settleAll();
    expect(await gates.wrongs()).toEqual([]);
    const granted = [...gates.distributor.book().values()].filter(({ answer }) => answer === 'granted');
    expect(granted.length).toBeGreaterThan(20);
    // The faults left something to settle, and it was the passes that settled it.
    const repairs = (await world.repairs()).filter(({ outcome }) => outcome === 'applied');
    const kinds = new Set(repairs.map(({ action }) => action));
    expect([...kinds].filter((kind) => ['settle_granted', 'grant_again'].includes(kind))).not.toEqual([]);
  } finally {
    for (const handle of cast.all()) await handle.kill();
    await gates.close();
    await proxy.close();
  }
}, 240_000);
