/**
 * `repair` and `undo` on real stores: the plan that is printed is the one that is carried out, and nothing is changed
 * without being asked to.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { useWorlds } from '../reconcile/support/use-world.ts';
import { dayMs } from '../reconcile/support/claim-tables.ts';
import type { Gift, World } from '../reconcile/support/world.ts';
import { useProgram, type Ran } from './support/program.ts';
import { shopConfig, type ShopSettings } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

async function run(args: readonly string[], settings: ShopSettings = {}): Promise<Ran> {
  const config = await program.write('shop.yaml', shopConfig(world, settings));
  await world.settle();
  return program.run([...args, '--config', config]);
}

interface Broken {
  readonly missing: Gift;
  readonly immortal: Gift;
  readonly orphan: Gift;
  readonly right: Gift;
}

async function breakSome(): Promise<Broken> {
  const missing = await world.addGift();
  const immortal = await world.addGift();
  await world.setMarker(immortal, { expiresInMs: null });
  const orphan = await world.addGift({ status: 'revoked' });
  await world.setMarker(orphan);
  const right = await world.addGift();
  await world.setMarker(right);
  return { missing, immortal, orphan, right };
}

/** Every marker of the world, and every row that the reconciler keeps about its work. */
async function everything(gifts: readonly Gift[]): Promise<unknown> {
  const markers = await Promise.all(gifts.map(async ({ key }) => world.redis.get(key)));
  const endless = await Promise.all(gifts.map(async ({ key }) => (await world.redis.pttl(key)) === -1));
  const { rows } = await world.pool.query<{ kept: unknown }>(
    `select jsonb_build_object('pass', (select count(*) from reconciler.pass),
       'discrepancy', (select coalesce(jsonb_agg(d), '[]') from reconciler.discrepancy d),
       'repair', (select coalesce(jsonb_agg(r), '[]') from reconciler.repair r),
       'checkpoint', (select coalesce(jsonb_agg(c), '[]') from reconciler.checkpoint c),
       'alert', (select coalesce(jsonb_agg(a), '[]') from reconciler.alert a)) as kept`,
  );
  return { markers, endless, kept: rows[0]?.kept };
}

const wholeRange = ['repair', 'range', '--from', '1', '--to', '99', '--source', 'gifts'];

describe('without --apply', () => {
  it('prints the plan, changes nothing and exits 3', async () => {
    const { missing, immortal, orphan, right } = await breakSome();
    const before = await everything([missing, immortal, orphan, right]);
    const { code, out, err } = await run(wholeRange);
    expect(code).toBe(3);
    expect(err).toEqual([]);
    const text = out.join('\n');
    expect(out[0]).toMatch(/^claim +verdict +marker +holds +would$/);
    expect(text).toMatch(/^1 +missing_marker +gift:1 +absent +set attempt-1 for .+, if still absent$/m);
    expect(text).toMatch(
      /^2 +immortal_marker +gift:2 +attempt-2, no expiry +let it expire in .+, if unchanged$/m,
    );
    expect(text).toMatch(
      /^3 +orphan_marker +gift:3 +attempt-3, expires in .+ +delete the marker, if unchanged$/m,
    );
    expect(out.at(-1)).toBe(
      '4 claims judged, 3 repairs planned. Nothing was changed; --apply carries them out.',
    );
    expect(await everything([missing, immortal, orphan, right])).toEqual(before);
  });

  it('needs no lease: a pass that runs is no hindrance', async () => {
    await world.addGift();
    await world.redis.set('claim-reconciler:lease:source:gifts', 'somebody', 'PX', 60_000);
    expect((await run(wholeRange)).code).toBe(3);
  });

  it('exits 0 when there is nothing to repair, or nothing to judge', async () => {
    await world.setMarker(await world.addGift());
    const consistent = await run(wholeRange);
    expect(consistent).toMatchObject({
      code: 0,
      out: ['1 claim of gifts judged, all consistent; nothing to repair.'],
    });
    const nothing = await run(['repair', 'claim', '77', '--source', 'gifts']);
    expect(nothing.code).toBe(0);
    expect(nothing.out.join('\n')).toContain('No claim of gifts with the id 77 was judged');
    const noMarker = await run(['repair', 'marker', 'order:7', '--source', 'gifts']);
    expect(noMarker.code).toBe(0);
    expect(noMarker.out.join('\n')).toContain('on the marker order:7');
  });
});

describe('with --apply', () => {
  it('does what the plan said, journals it, and exits 0', async () => {
    const { missing, immortal, orphan, right } = await breakSome();
    const planned = await run([...wholeRange, '--json']);
    const applied = await run([...wholeRange, '--apply', '--json']);
    expect(planned.code).toBe(3);
    expect(applied.code).toBe(0);
    const plan = planned.json();
    expect(plan).toMatchObject({ source: 'gifts', checked: 4, report: null });
    expect(applied.json()).toMatchObject({
      plan: [{ claimId: '1' }, { claimId: '2' }, { claimId: '3' }].map((line) =>
        expect.objectContaining(line),
      ),
      report: { outcome: 'completed', repairs: { applied: 3, withheld: 0, failed: 0 } },
    });
    expect((await world.readMarker(missing.key))?.value).toBe(missing.attempt);
    const { expiresAtMs } = (await world.readMarker(immortal.key)) ?? {};
    expect(Math.abs((expiresAtMs ?? 0) - immortal.expiresAtMs)).toBeLessThan(60_000);
    expect(await world.readMarker(orphan.key)).toBeNull();
    expect((await world.readMarker(right.key))?.value).toBe(right.attempt);
    const { rows } = await world.pool.query<{ by: string }>(
      'select distinct done_by as by from reconciler.repair',
    );
    expect(rows).toEqual([{ by: 'tester@here' }]);
    expect((await run(wholeRange)).code).toBe(0);
  });

  it('repairs one claim and leaves the others', async () => {
    const { missing, immortal } = await breakSome();
    const { code, out } = await run(['repair', 'claim', missing.id, '--source', 'gifts', '--apply']);
    expect(code).toBe(0);
    expect(out.join('\n')).toContain('repairs  1 applied');
    expect(await world.readMarker(missing.key)).not.toBeNull();
    expect(await world.redis.pttl(immortal.key)).toBe(-1);
  });

  it('is meant wherever it stands', async () => {
    const { missing } = await breakSome();
    expect((await run(['repair', '--apply', 'claim', missing.id, '--source', 'gifts'])).code).toBe(0);
    expect(await world.readMarker(missing.key)).not.toBeNull();
  });

  it('repairs the claims on one marker', async () => {
    const { orphan } = await breakSome();
    const { code } = await run(['repair', 'marker', orphan.key, '--source', 'gifts', '--apply']);
    expect(code).toBe(0);
    expect(await world.readMarker(orphan.key)).toBeNull();
    expect(await world.repairs()).toMatchObject([{ action: 'delete_marker', outcome: 'applied' }]);
  });

  it('exits 3 when something is for people to decide', async () => {
    await world.addGift({ status: 'pending' });
    expect((await run([...wholeRange, '--apply'])).code).toBe(3);
  });

  it('exits 4 when the brake does not admit it; --force passes it', async () => {
    const gifts = [await world.addGift(), await world.addGift()];
    const brake = '{ repairsPerPlan: 1, repairsPerHour: 10, share: 100%, shareSample: 1000 }';
    const { code, out } = await run([...wholeRange, '--apply'], { brake });
    expect(code).toBe(4);
    expect(out.join('\n')).toContain('--force passes it');
    for (const { key } of gifts) expect(await world.readMarker(key)).toBeNull();
    expect((await run([...wholeRange, '--apply', '--force'], { brake })).code).toBe(0);
    for (const { key } of gifts) expect(await world.readMarker(key)).not.toBeNull();
  });

  it('exits 5 when another holds the lease for too long; nothing is changed', async () => {
    const gift = await world.addGift();
    await world.redis.set('claim-reconciler:lease:source:gifts', 'somebody', 'PX', 60_000);
    const { code, err } = await run([...wholeRange, '--apply']);
    expect(code).toBe(5);
    expect(err.join('\n')).toContain('The lease of gifts is held');
    expect(await world.readMarker(gift.key)).toBeNull();
  });
});

describe('what cannot be meant', () => {
  it.each([
    ['an id that is none', ['repair', 'claim', 'seven', '--source', 'gifts'], 'seven'],
    ['an id out of range', ['repair', 'claim', '99999999999999999999', '--source', 'gifts'], '9999'],
    ['a source that is not there', ['repair', 'claim', '7', '--source', 'gitfs'], 'no source "gitfs"'],
    ['nothing to undo', ['undo'], 'either --repair N or --pass N'],
    ['two things to undo', ['undo', '--repair', '1', '--pass', '1'], 'either --repair N or --pass N'],
    ['a repair that is no number', ['undo', '--repair', 'first'], 'either --repair N or --pass N'],
    ['a repair that is not in the journal', ['undo', '--repair', '4711'], 'The journal has no repair 4711'],
    ['a number that is none of ours', ['undo', '--pass', '99999999999999999999'], '9999'],
  ])('is refused with exit code 2: %s', async (_, args, words) => {
    const { code, out, err } = await run(args);
    expect({ code, out }, err.join('\n')).toEqual({ code: 2, out: [] });
    expect(err.join('\n')).toContain(words);
  });
});

describe('undo', () => {
  it('restores what a pass had changed, and no pass repairs it again', async () => {
    const missing = await world.addGift();
    const orphan = await world.addGift({ status: 'revoked' });
    await world.setMarker(orphan);
    expect((await run(['reconcile'])).code).toBe(0);
    const { code, out } = await run(['undo', '--pass', '1']);
    expect(code).toBe(0);
    expect(out[0]).toMatch(/^repair +marker +result$/);
    expect(out.filter((line) => line.endsWith(' undone'))).toHaveLength(2);
    expect(await world.readMarker(missing.key)).toBeNull();
    expect((await world.readMarker(orphan.key))?.value).toBe(orphan.attempt);
    expect((await run(['reconcile'])).code).toBe(3);
    expect(await world.readMarker(missing.key)).toBeNull();
    const again = await run(['undo', '--pass', '1']);
    expect(again.code).toBe(0);
    expect(again.out.join('\n')).toContain('Nothing to undo');
  });

  it('exits 3 for what would leave a marker without an expiry (invariant 4)', async () => {
    const immortal = await world.addGift();
    await world.setMarker(immortal, { expiresInMs: null });
    await run(['reconcile']);
    const { code, out } = await run(['undo', '--pass', '1']);
    expect(code).toBe(3);
    expect(out.join('\n')).toMatch(/not undone: .*expiry/);
    expect((await world.readMarker(immortal.key))?.expiresAtMs).not.toBeNull();
  });

  it('exits 3 and says why when the marker has changed since', async () => {
    const gift = await world.addGift();
    await run(['reconcile']);
    const [repair] = await world.repairs();
    await world.setMarker(gift, { value: 'another', expiresInMs: dayMs });
    const { code, out } = await run(['undo', '--repair', repair?.id ?? '']);
    expect(code).toBe(3);
    expect(out.join('\n')).toContain('not undone: ');
    expect((await world.readMarker(gift.key))?.value).toBe('another');
  });

  it('--json is one object', async () => {
    await world.addGift();
    await run(['reconcile']);
    const ran = await run(['undo', '--repair', '1', '--json']);
    expect(ran.json()).toMatchObject({ source: 'gifts', undone: [{ repairId: '1', outcome: 'undone' }] });
  });
});
