/** The hash slot of a key, as the Cluster specification has it; `test/redis/cluster.test.ts` asks a server. */
import { expect, it } from 'vitest';
import { keySlot, slotCount } from '../../src/domain/key-slot.ts';

const slotOf = (key: string): number => keySlot(Buffer.from(key));

it('is the check value of CRC16/XMODEM for the text that it is checked with', () => {
  expect(slotOf('123456789')).toBe(0x31c3 % slotCount);
  expect(slotOf('')).toBe(0);
});

it.each([
  ['{user1000}.following', '{user1000}.followers'],
  ['foo{bar}{zap}', 'bar'],
  ['foo{{bar}}zap', '{bar'],
])('of %s is that of %s, by the tag', (one, other) => {
  expect(slotOf(one)).toBe(slotOf(other));
});

it.each(['foo{}{bar}', 'foo{bar', '}bar{', 'foo}{'])('of %s is that of all of it: it has no tag', (key) => {
  expect(slotOf(key)).not.toBe(slotOf('bar'));
  expect(slotOf(`${key}x`)).not.toBe(slotOf(key));
});
