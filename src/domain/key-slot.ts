/**
 * The hash slot of a key in a Redis Cluster: CRC16 (XMODEM) of the key, or of its hash tag, modulo 16,384, as the Cluster
 * specification has it. Agrees with `CLUSTER KEYSLOT` (a test holds them together).
 */

export const slotCount = 16_384;

const [braceOpen, braceClose] = [0x7b, 0x7d];

/** @param key its bytes */
export function keySlot(key: Uint8Array): number {
  const open = key.indexOf(braceOpen);
  const close = open < 0 ? -1 : key.indexOf(braceClose, open + 1);
  // A tag without anything in it is none.
  const [from, to] = close > open + 1 ? [open + 1, close] : [0, key.length];
  let crc = 0;
  for (const byte of key.subarray(from, to)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return (crc & 0xffff) % slotCount;
}
