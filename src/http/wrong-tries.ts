/**
 * How often wrong credentials may be tried: a few times a minute from one address, and from then on not at all until the
 * minute is over, right ones neither: an answer to them would be what a guesser waits for.
 * Invariant kept: no more than `addressesMax` addresses are remembered, so that a flood of them fills no memory.
 * Counted in this process alone, by the address that connects: behind a proxy, which is one, all share it. Many addresses
 * together are not limited: against them helps a password that is long.
 */

interface TryLimits {
  readonly triesMax: number;
  readonly windowMs: number;
  readonly addressesMax: number;
}

/** Enough for a person who mistypes; about 14,000 guesses a day. */
const defaultTryLimits: TryLimits = { triesMax: 10, windowMs: 60_000, addressesMax: 10_000 };

interface Tries {
  readonly sinceMs: number;
  readonly count: number;
}

export class WrongTries {
  readonly #limits: TryLimits;
  readonly #tries = new Map<string, Tries>();

  constructor(limits: TryLimits = defaultTryLimits) {
    this.#limits = limits;
  }

  /** For how long nothing from this address is looked at; 0 when it may try. @param nowMs any clock that only goes forward */
  waitMs(address: string, nowMs: number): number {
    const tries = this.#tries.get(networkOf(address));
    if (tries === undefined || tries.count < this.#limits.triesMax) return 0;
    return Math.max(0, tries.sinceMs + this.#limits.windowMs - nowMs);
  }

  /** Notes a wrong try; true when it was the last one for now. */
  note(address: string, nowMs: number): boolean {
    const { triesMax, windowMs, addressesMax } = this.#limits;
    const network = networkOf(address);
    const before = this.#tries.get(network);
    const isOver = before === undefined || nowMs - before.sinceMs >= windowMs;
    const tries = isOver ? { sinceMs: nowMs, count: 1 } : { ...before, count: before.count + 1 };
    // Put in anew, so that the one that leaves first is the one that tried longest ago.
    this.#tries.delete(network);
    this.#tries.set(network, tries);
    const [oldest] = this.#tries.keys();
    if (this.#tries.size > addressesMax && oldest !== undefined) this.#tries.delete(oldest);
    return tries.count === triesMax;
  }
}

/** Of an IPv6 address the first half: the rest is its holder's to choose. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => '0');
  return [...groups, ...zeros, ...after].slice(0, 4).join(':');
}
