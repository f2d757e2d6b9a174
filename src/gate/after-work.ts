/**
 * What is under way: claims, and what is still to be done once their answers are given. Nobody waits for it but `close`.
 * Does not hide failures: what was started and fails without dealing with it is an unhandled rejection, as it should be.
 */

export class AfterWork {
  readonly #running = new Set<Promise<unknown>>();

  get size(): number {
    return this.#running.size;
  }

  /** Work that nobody else waits for; it deals with what can go wrong itself. */
  start(work: Promise<unknown>): void {
    const tracked: Promise<unknown> = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Work whose failure is somebody else's. */
  watch(work: Promise<unknown>): void {
    this.start(work.catch(() => undefined));
  }

  /** Resolves when nothing is left, what was started in the meantime included. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
