/**
 * A claim with several markers, such as one for each user and one for each gift: a source for each, over the same table.
 * Each has its own checkpoint, discrepancies and brake; the rows are settled by the one that has a distributor.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Source } from '../../src/domain/source.ts';
import { parseTemplate } from '../../src/domain/template.ts';
import type { PassReport } from '../../src/reconcile/pass-report.ts';
import { dayMs, giftSource } from './support/claim-tables.ts';
import { knownDistributor } from './support/known-distributor.ts';
import { useWorlds } from './support/use-world.ts';
import type { Gift, World } from './support/world.ts';

const worlds = useWorlds();
let world: World;

/** The second marker of each claim. */
const stockSource: Source = {
  ...giftSource,
  name: 'stock',
  marker: { key: parseTemplate('stock:{uid}'), value: parseTemplate('{attempt_id}') },
};
const sources = [giftSource, stockSource];
const stockKey = ({ key }: Gift): string => key.replace('gift:', 'stock:');

beforeEach(async () => {
  world = await worlds.create();
});

async function pass(source: 'gifts' | 'stock', changes = {}): Promise<PassReport> {
  return world.runPass({ sources, source, ...changes });
}

async function setBoth(gift: Gift): Promise<void> {
  await world.setMarker(gift);
  await world.setMarker({ ...gift, key: stockKey(gift) });
}

describe('two sources over one table', () => {
  it('each repair their own marker, and read every claim for themselves', async () => {
    const [one, other, released] = [
      await world.addGift(),
      await world.addGift(),
      await world.addGift({ status: 'failed' }),
    ];
    for (const gift of [one, other, released]) await setBoth(gift);
    await world.redis.del(stockKey(one), other.key);
    expect(await pass('gifts')).toMatchObject({
      checked: 3,
      verdicts: { missing_marker: 1, orphan_marker: 1 },
      repairs: { applied: 2 },
    });
    expect(await world.readMarker(stockKey(one))).toBeNull();
    expect(await world.readMarker(stockKey(released))).not.toBeNull();
    expect(await pass('stock')).toMatchObject({
      checked: 3,
      verdicts: { missing_marker: 1, orphan_marker: 1 },
      repairs: { applied: 2 },
    });
    for (const key of [one.key, other.key, stockKey(one), stockKey(other)]) {
      expect(await world.readMarker(key)).not.toBeNull();
    }
    for (const key of [released.key, stockKey(released)]) expect(await world.readMarker(key)).toBeNull();
    for (const source of ['gifts', 'stock'] as const)
      expect(await pass(source)).toMatchObject({ checked: 0 });
  });

  it('have a brake each: what stops one does not stop the other', async () => {
    for (let count = 0; count < 4; count += 1) await world.setMarker(await world.addGift());
    const brake = { ...giftSource.rules.brake, repairsPerPlan: 3 };
    expect(await pass('stock', { rules: { brake } })).toMatchObject({ outcome: 'braked', open: 4 });
    const gift = await world.addGift();
    await world.setMarker({ ...gift, key: stockKey(gift) });
    expect(await pass('gifts', { rules: { brake } })).toMatchObject({
      outcome: 'completed',
      repairs: { applied: 1 },
      open: 0,
    });
  });

  it('settle a claim in doubt by one of them, and the other follows the row', async () => {
    const gift = await world.addGift({ status: 'pending', expiresInMs: dayMs });
    await setBoth(gift);
    const distributor = knownDistributor();
    distributor.knows(gift.attempt, { kind: 'refused', reason: 'sold out' });
    expect(
      await pass('stock', { rules: { policy: { ...giftSource.rules.policy, in_doubt: 'ignore' } } }),
    ).toMatchObject({
      verdicts: { in_doubt: 1 },
      open: 0,
    });
    expect(await pass('gifts', { distributor })).toMatchObject({
      verdicts: { in_doubt: 1 },
      repairs: { applied: 1 },
    });
    expect(await world.readMarker(gift.key)).toBeNull();
    expect(await world.readMarker(stockKey(gift))).not.toBeNull();
    expect(await pass('stock')).toMatchObject({
      checked: 1,
      verdicts: { orphan_marker: 1 },
      repairs: { applied: 1 },
    });
    expect(await world.readMarker(stockKey(gift))).toBeNull();
  });
});
