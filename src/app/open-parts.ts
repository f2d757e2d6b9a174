/**
 * Parts of a running program in the order they were opened, to be closed in reverse.
 * Invariant kept: each part is closed once, also when a later one could not be opened.
 */

export class OpenParts {
  readonly #closes: (() => Promise<unknown>)[] = [];

  /** @param close how to close the part that was just opened; must end by itself */
  add(close: () => Promise<unknown>): void {
    this.#closes.push(close);
  }

  async close(): Promise<void> {
    for (let close = this.#closes.pop(); close !== undefined; close = this.#closes.pop()) await close();
  }
}
