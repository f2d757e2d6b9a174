/**
 * Parts of a running program in the order they were opened, to be closed in reverse.
 * Invariant kept: each part is closed once, also when a later one could not be opened or closed.
 */

export class OpenParts {
  readonly #closes: (() => Promise<unknown>)[] = [];

  /** @param close how to close the part that was just opened; must end by itself */
  add(close: () => Promise<unknown>): void {
    this.#closes.push(close);
  }

  /** Throws what a part threw, after all were closed. */
  async close(): Promise<void> {
    const close = this.#closes.pop();
    if (close === undefined) return;
    try {
      await close();
    } finally {
      await this.close();
    }
  }
}
