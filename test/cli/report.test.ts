/**
 * `report` as a person or a script calls it.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { reportsOf } from '../reconcile/support/report-on.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { Gift, World } from '../reconcile/support/world.ts';
import { useProgram, type Ran } from './support/program.ts';
import { shopConfig, type ShopSettings } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;
beforeEach(async () => {
  world = await worlds.create();
});

async function report(
  { key, attempt }: Pick<Gift, 'key' | 'attempt'>,
  more: readonly string[] = [],
  settings: ShopSettings = {},
): Promise<Ran> {
  const config = await program.write('shop.yaml', shopConfig(world, settings));
  const about = ['--source', 'gifts', '--marker', key, '--attempt', attempt];
  return program.run(['report', ...about, '--reason', 'DEL timed out', ...more, '--config', config]);
}

async function addOrphan(): Promise<Gift> {
  const claim = await world.addGift({ status: 'failed' });
  await world.setMarker(claim);
  return claim;
}

describe('report', () => {
  it('exits 3 when it led to a discrepancy, which the next pass repairs', async () => {
    const claim = await addOrphan();
    const { code, out, err } = await report(claim);
    expect({ code, err }).toEqual({ code: 3, err: [] });
    expect(out).toEqual([
      'Report 1 is stored: orphan_marker.',
      'Discrepancy 1 (orphan_marker) is open. A pass repairs what is safe to repair, after the grace period (20 ms).',
    ]);
    const { rows } = await world.pool.query('select reported_by from reconciler.report');
    expect(rows).toEqual([{ reported_by: 'tester@here' }]);
    await world.runPass();
    expect(await world.readMarker(claim.key)).toBeNull();
    expect((await report(claim)).code).toBe(0);
  });

  it('exits 0 when nothing is wrong, and prints one object with --json', async () => {
    const ran = await report({ key: 'gift:9', attempt: 'a' }, ['--json']);
    expect(ran.code).toBe(0);
    expect(ran.json()).toEqual({
      reportId: '1',
      verdict: 'consistent',
      discrepancyId: null,
      note: 'The attempt has no claim, and the marker is gone. Nothing is to be done.',
    });
  });

  it('is stored while Redis is away, and exits 3: it is not known to be right', async () => {
    const markersUrl = `redis://127.0.0.1:${await findFreePort()}/0`;
    const ran = await report(await addOrphan(), [], { markersUrl });
    expect(ran.code).toBe(3);
    expect(ran.out[0]).toBe('Report 1 is stored.');
    expect(ran.out[1]).toContain('will be judged by the next pass');
    expect(await reportsOf(world)).toMatchObject([{ isJudged: false }]);
    expect((await world.runPass()).open).toBe(0);
  });

  it('exits 1 when it cannot be stored', async () => {
    const databaseUrl = `postgres://nobody@127.0.0.1:${await findFreePort()}/nowhere`;
    const { code, out, err } = await report({ key: 'gift:1', attempt: 'a' }, [], { databaseUrl });
    expect({ code, out }).toEqual({ code: 1, out: [] });
    expect(err.join('\n')).toContain('Postgres did not answer as needed');
  });

  it('exits 2 with all that is wrong, and stores nothing', async () => {
    const { code, out, err } = await report({ key: 'order:1', attempt: '' });
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join('\n')).toBe(
      'error: The report is refused; nothing was stored:\n' +
        '  - markerKey: is no marker of gifts, whose keys look like gift:{uid}\n' +
        '  - attempt: must not be empty',
    );
    expect(await reportsOf(world)).toEqual([]);
  });

  it('prints nothing that a terminal would obey', async () => {
    const odd = '\u001b[2J\u202e\u0007';
    await world.addGift({ uid: 5, attempt: odd });
    await world.redis.set(`gift:${odd}`, odd, 'PX', 60_000);
    for (const said of [
      { key: `gift:${odd}`, attempt: odd },
      { key: `gift:${odd}`, attempt: 'lost' },
    ]) {
      const { out, err } = await report(said);
      expect([...out, ...err].join('')).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
    }
  });
});
