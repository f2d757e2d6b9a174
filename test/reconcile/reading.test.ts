/**
 * What a pass reads and what it leaves alone: the grace period, what was judged before, what changes meanwhile.
 */
import { expect, it } from 'vitest';
import { useWorlds } from './support/use-world.ts';

const worlds = useWorlds();

it('finds what is wrong, repairs it, and a second pass over unchanged data does nothing', async () => {
  const world = await worlds.create();
  const missing = await world.addGift();
  const right = await world.addGift();
  await world.setMarker(right);
  const first = await world.runPass();
  expect(first).toMatchObject({
    outcome: 'completed',
    checked: 2,
    open: 0,
    verdicts: { consistent: 1, missing_marker: 1 },
    repairs: { applied: 1 },
  });
  const marker = await world.readMarker(missing.key);
  expect(marker?.value).toBe(missing.attempt);
  expect(Math.abs((marker?.expiresAtMs ?? 0) - missing.expiresAtMs)).toBeLessThan(1_000);

  const checkpoint = await world.checkpoint();
  const second = await world.runPass();
  expect(second).toMatchObject({ outcome: 'completed', checked: 0, open: 0, repairs: { applied: 0 } });
  expect(await world.checkpoint()).toEqual(checkpoint);
  expect(await world.repairs()).toHaveLength(1);
});
