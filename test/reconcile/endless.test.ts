/**
 * Markers without an expiry on purpose: nothing is wrong with them, and what is written for them has one all the same.
 */
import { expect, it } from 'vitest';
import { endOfTimeMs } from '../../src/domain/claim-window.ts';
import type { Source } from '../../src/domain/source.ts';
import { openClaimTable } from '../../src/postgres/claim-table.ts';
import { giftSource } from './support/claim-tables.ts';
import { useWorlds } from './support/use-world.ts';

const worlds = useWorlds();

const endless: Source = {
  ...giftSource,
  columns: { ...giftSource.columns, expiry: { never: true } },
  rules: { ...giftSource.rules, endless: true },
};
const sources = [endless];

it('are left as they are, deleted when released, and set again until the end of time', async () => {
  const world = await worlds.create();
  const [right, missing, short, released] = [
    await world.addGift(),
    await world.addGift(),
    await world.addGift(),
    await world.addGift({ status: 'failed' }),
  ];
  await world.pool.query('update gift_claim set expires_at = null');
  for (const gift of [right, released]) await world.setMarker(gift, { expiresInMs: null });
  await world.setMarker(short, { expiresInMs: 60_000 });
  expect(await world.runPass({ sources })).toMatchObject({
    checked: 4,
    verdicts: { consistent: 1, missing_marker: 1, wrong_expiry: 1, orphan_marker: 1, immortal_marker: 0 },
    repairs: { applied: 3 },
    open: 0,
  });
  expect(await world.readMarker(right.key)).toEqual({ value: right.attempt, expiresAtMs: null });
  expect(await world.readMarker(released.key)).toBeNull();
  for (const gift of [missing, short]) {
    const marker = await world.readMarker(gift.key);
    expect(marker?.value).toBe(gift.attempt);
    expect(Math.abs((marker?.expiresAtMs ?? 0) - endOfTimeMs)).toBeLessThan(60_000);
  }
  await world.pool.query('update gift_claim set uid = uid');
  expect(await world.runPass({ sources })).toMatchObject({ checked: 4, verdicts: { consistent: 4 } });
});

it('are not taken by the gate', async () => {
  const world = await worlds.create();
  await expect(openClaimTable(world.pool, endless)).rejects.toThrow(
    'marker.ttl is never, and the gate takes no marker without an expiry',
  );
});
