/**
 * What a process keeps for itself beside a shared cache: a bounded number of values, the least lately used leave first.
 * Invariants kept: it never holds more than it may, whatever keys are asked for; what was found out before a value was
 * forgotten is not kept after. Time is the monotonic clock's.
 */
import type { CachedText } from './cached-value.ts';

export interface LocalCopy {
  readonly text: string;
  /** Until then nobody else needs to be asked. */
  readonly currentUntilMs: number;
  readonly freshUntilMs: number;
  readonly usableUntilMs: number;
}

export class LocalCopies {
  readonly #copies: BoundedMap<LocalCopy>;
  readonly #localMs: number;
  #forgotten = 0;

  /** @param localMs for how long a copy is current; @param sizeMax how many there are at most */
  constructor(localMs: number, sizeMax: number) {
    this.#localMs = localMs;
    this.#copies = new BoundedMap(sizeMax);
  }

  /** Fresh or stale; null when there is none that may still be given out. */
  get(key: string): LocalCopy | null {
    const copy = this.#copies.get(key);
    return copy !== undefined && performance.now() < copy.usableUntilMs ? copy : null;
  }

  /** To be taken before a value is found out, and given with it. */
  stamp(): number {
    return this.#forgotten;
  }

  /** Keeps a value whose times count from `sinceMs`, unless any was forgotten since `stamp`: it may be this one. */
  keep(key: string, value: CachedText, sinceMs: number, stamp: number): void {
    if (stamp !== this.#forgotten) return;
    const freshUntilMs = sinceMs + value.freshForMs;
    const usableUntilMs = sinceMs + value.usableForMs;
    // A stale one, too, is current for a while: its readers would otherwise all ask while it is rebuilt.
    const endMs = value.freshForMs > 0 ? freshUntilMs : usableUntilMs;
    const currentUntilMs = Math.min(sinceMs + this.#localMs, endMs);
    this.#copies.set(key, { text: value.text, currentUntilMs, freshUntilMs, usableUntilMs });
  }

  forget(key: string): void {
    this.#forgotten += 1;
    this.#copies.delete(key);
  }
}

export class BoundedMap<V> {
  readonly #entries = new Map<string, V>();
  readonly #sizeMax: number;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    // Put to the end: the first is the one that was not asked for the longest.
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#sizeMax) return;
    for (const first of this.#entries.keys()) {
      this.#entries.delete(first);
      return;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
