/**
 * `reconcile` on real stores: what it prints, what it leaves, and how it exits.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { useProgram, type Ran, type RunOptions } from './support/program.ts';
import { shopConfig, type ShopSettings } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

/** One `reconcile`, after everything committed is outside its grace period. */
async function reconcile(
  args: readonly string[] = [],
  settings: ShopSettings = {},
  options: RunOptions = {},
): Promise<Ran> {
  const config = await program.write('shop.yaml', shopConfig(world, settings, args.includes('orders')));
  await world.settle();
  return program.run(['reconcile', ...args.filter((word) => word !== 'orders'), '--config', config], options);
}

/** A claim without its marker, and one as it should be. */
async function breakOne(): Promise<void> {
  await world.addGift();
  await world.setMarker(await world.addGift());
}

describe('exit code 0', () => {
  it('when everything is consistent', async () => {
    await world.setMarker(await world.addGift());
    const { code, out, err } = await reconcile();
    expect(code).toBe(0);
    expect(err).toEqual([]);
    expect(out[0]).toMatch(/^gifts: completed in \d+ ms \(pass \d+, mode repair\)$/);
    expect(out.slice(1)).toEqual(['  judged   1: all consistent', '  open     0 discrepancies']);
  });

  it('when everything was repaired', async () => {
    await breakOne();
    const { code, out } = await reconcile();
    expect(code).toBe(0);
    expect(out.slice(1)).toEqual([
      '  judged   2: 1 missing_marker',
      '  repairs  1 applied',
      '  open     0 discrepancies',
    ]);
    expect((await world.repairs()).map(({ outcome }) => outcome)).toEqual(['applied']);
  });

  it('and nothing to do for a second pass over unchanged data (invariant 10)', async () => {
    await breakOne();
    await reconcile();
    const { code, out } = await reconcile();
    expect(code).toBe(0);
    expect(out.slice(1)).toEqual(['  judged   0', '  open     0 discrepancies']);
  });
});

describe('exit code 3', () => {
  it('in mode observe, which changes nothing', async () => {
    const gift = await world.addGift();
    const { code, out } = await reconcile([], { mode: 'observe' });
    expect(code).toBe(3);
    expect(out).toContain('  open     1 discrepancies');
    expect(await world.readMarker(gift.key)).toBeNull();
    expect(await world.repairs()).toEqual([]);
  });

  it('for what is for people to decide', async () => {
    await world.addGift({ status: 'pending' });
    expect((await reconcile()).code).toBe(3);
    expect(await world.alerts()).toMatchObject([{ kind: 'in_doubt', state: 'open' }]);
  });
});

describe('exit code 4', () => {
  const brake = '{ repairsPerPlan: 1, repairsPerHour: 10, share: 100%, shareSample: 1000 }';

  it('when the brake stops the repairs; nothing is changed, and --force passes it', async () => {
    const gifts = [await world.addGift(), await world.addGift()];
    const { code, out } = await reconcile([], { brake });
    expect(code).toBe(4);
    expect(out.join('\n')).toContain('brake    tripped');
    expect(out.join('\n')).toContain('the limit for one plan is 1');
    for (const { key } of gifts) expect(await world.readMarker(key)).toBeNull();
    const forced = await reconcile(['--force'], { brake });
    expect(forced.out).toContain('  repairs  2 applied');
    for (const { key, attempt } of gifts) expect((await world.readMarker(key))?.value).toBe(attempt);
  });
});

describe('exit code 5', () => {
  it('when another holds the lease; nothing is judged', async () => {
    await breakOne();
    await world.redis.set('claim-reconciler:lease:source:gifts', 'somebody', 'PX', 60_000);
    const { code, out, err } = await reconcile();
    expect(code).toBe(5);
    expect(out).toEqual([]);
    expect(err.join('\n')).toContain('error: The lease of gifts is held by');
    expect(await world.discrepancies()).toEqual([]);
    expect(await world.redis.get('claim-reconciler:lease:source:gifts')).toBe('somebody');
  });

  it('names who holds it', async () => {
    await reconcile();
    await world.redis.set('claim-reconciler:lease:source:gifts', 'somebody', 'PX', 60_000);
    const { err } = await reconcile();
    expect(err.join('\n')).toMatch(new RegExp(`held by [^ ]+:${process.pid}, since 20`));
  });
});

describe('exit code 6', () => {
  it('when the checkpoint is of another history; it says how to go on', async () => {
    await breakOne();
    await reconcile();
    await world.pool.query(`update reconciler.checkpoint set system_identifier = '1'`);
    const { code, out, err } = await reconcile();
    expect(code).toBe(6);
    expect(out).toEqual([]);
    expect(err[0]).toBe('error: The checkpoint of gifts is refused; nothing was judged or changed:');
    expect(err.join('\n')).toContain('claim-reconciler rewind --source gifts --by 1h');
  });
});

describe('exit code 1', () => {
  it('when Redis cannot be reached', async () => {
    const { code, err } = await reconcile([], { markersUrl: 'redis://127.0.0.1:1/0' });
    expect(code).toBe(1);
    expect(err.join('\n')).toContain('error: Redis at 127.0.0.1:1 could not be reached');
  });

  it('when Postgres cannot be reached, without its password', async () => {
    const { code, err } = await reconcile([], { databaseUrl: 'postgres://a:hidden@127.0.0.1:1/x' });
    expect(code).toBe(1);
    expect(err.join('\n')).toContain('ECONNREFUSED');
    expect(err.join('\n')).not.toContain('hidden');
  });

  it('when the schema is not there', async () => {
    await world.pool.query('drop schema reconciler cascade');
    const config = await program.write('shop.yaml', shopConfig(world));
    const { code, err } = await program.run(['reconcile', '--config', config]);
    expect(code).toBe(1);
    expect(err.join('\n')).toContain('Run: claim-reconciler migrate');
  });

  it('when it was asked to stop while it waits; what was done before is kept', async () => {
    await world.addGift();
    const stop = new AbortController();
    const config = await program.write('shop.yaml', shopConfig(world, { grace: '1h' }));
    setImmediate(() => stop.abort(new Error('SIGINT received')));
    const { code, out, err } = await program.run(['reconcile', '--config', config], { signal: stop.signal });
    expect(code).toBe(1);
    expect([...out, ...err].join('\n')).toMatch(/Stopped as asked|stopped/);
  });
});

describe('exit code 2', () => {
  it('for a source that is not configured, naming those that are', async () => {
    const { code, err } = await reconcile(['--source', 'gitfs', 'orders']);
    expect(code).toBe(2);
    expect(err).toEqual(['error: There is no source "gitfs". Configured: gifts, orders.']);
  });

  it('for a table that is not there', async () => {
    const { code, err } = await reconcile([], { table: 'gift_claims' });
    expect(code).toBe(2);
    expect(err.join('\n')).toContain('The source gifts cannot be read; nothing was changed');
    expect(err.join('\n')).toContain('gift_claims');
  });
});

describe('--json', () => {
  it('prints one object with the fields of the contract', async () => {
    await breakOne();
    const ran = await reconcile(['--source', 'gifts', '--json']);
    expect(ran.code).toBe(0);
    expect(ran.err).toEqual([]);
    expect(ran.json()).toMatchObject({
      passId: expect.stringMatching(/^\d+$/),
      source: 'gifts',
      mode: 'repair',
      checked: 2,
      verdicts: { consistent: 1, missing_marker: 1, orphan_marker: 0, unknown: 0 },
      repairs: { applied: 1, superseded: 0, withheld: 0, failed: 0 },
      checkpoint: { from: { changeXid: '0' }, to: { changeXid: expect.stringMatching(/^\d+$/), id: '2' } },
      horizon: expect.stringMatching(/^\d+$/),
      horizonAgeMs: expect.any(Number),
      stalledBy: null,
      brake: 'armed',
      durationMs: expect.any(Number),
    });
  });

  it('prints an error as one object too', async () => {
    const { code, out, err } = await reconcile(['--json', '--source', 'gitfs']);
    expect(code).toBe(2);
    expect(out).toEqual([]);
    expect(JSON.parse(err.join('\n'))).toEqual({
      error: { code: 'not_found', message: expect.stringContaining('no source "gitfs"') },
    });
  });
});

describe('several sources', () => {
  it('are passed over one after the other; the gravest decides the exit code', async () => {
    await world.addGift({ status: 'pending' });
    const grab = await world.addGrab();
    await world.redis.set('claim-reconciler:lease:source:gifts', 'somebody', 'PX', 60_000);
    const { code, out, err } = await reconcile(['orders']);
    expect(code).toBe(5);
    expect(err.join('\n')).toContain('The lease of gifts is held');
    expect(out[0]).toMatch(/^orders: completed/);
    expect((await world.readMarker(grab.key))?.value).toBe(grab.driver);
  });
});
