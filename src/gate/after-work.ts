/**
 * What is under way: claims, and what is still to be done once their answers are given. Nobody waits for it but `close`.
 * Does not hide failures: what was started and fails without dealing with it is an unhandled rejection, as it should be.
 */

export class AfterWork {
  #size = 0;
  #whenIdle: (() => void)[] = [];

  get size(): number {
    return this.#size;
  }

  /** Work that nobody else waits for; it deals with what can go wrong itself. */
  start(work: () => Promise<unknown>): void {
    void this.count(work);
  }

  /** Work whose outcome is the caller's. */
  async count<T>(work: () => Promise<T>): Promise<T> {
    this.#size += 1;
    try {
      return await work();
    } finally {
      this.#size -= 1;
      if (this.#size === 0) this.#tellIdle();
    }
  }

  /** Resolves when nothing is left, what was started in the meantime included. */
  async idle(): Promise<void> {
    while (this.#size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle.push(resolve);
      });
    }
  }

  #tellIdle(): void {
    const waiting = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of waiting) resolve();
  }
}
