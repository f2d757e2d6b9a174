/**
 * Crashes and failing calls, from outside of what crashes: each claim is played in a run of its own, which counts the
 * calls it makes to the stores and the distributor. After its last call nothing returns to it any more, as after a crash;
 * a call that fails does not reach its store.
 * Invariant kept: what is called outside of a run is passed on as it is.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface CrashPlan {
  /** After how many calls the run crashes; null: it does not. 0: before its first call. */
  readonly crashAfter: number | null;
  /** Which call fails before it is sent, counted from 1; null: none. */
  readonly failCall: number | null;
}

interface Run extends CrashPlan {
  calls: number;
  readonly crash: () => void;
}

export type RunEnd<T> = { readonly kind: 'ended'; readonly result: T } | { readonly kind: 'crashed' };

export class CrashPoints {
  readonly #runs = new AsyncLocalStorage<Run>();

  /** Runs `work` under a plan; ends as soon as it crashes. What it would have gone on with never happens. */
  async run<T>(plan: CrashPlan, work: () => Promise<T>): Promise<RunEnd<T>> {
    return new Promise((resolve, reject) => {
      const run: Run = { ...plan, calls: 0, crash: () => resolve({ kind: 'crashed' }) };
      this.#runs.run(run, () => {
        work().then((result) => resolve({ kind: 'ended', result }), reject);
      });
    });
  }

  /** The same object, but for the named functions, which count as calls of the run they are called in. */
  watch<T extends object>(target: T, names: readonly (keyof T & string)[]): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value: unknown = Reflect.get(object, name, object);
        if (typeof value !== 'function') return value;
        if (!names.some((watched) => watched === name)) return value.bind(object);
        return async (...args: unknown[]): Promise<unknown> =>
          this.#call(async () => Reflect.apply(value, object, args));
      },
    });
  }

  async #call(send: () => Promise<unknown>): Promise<unknown> {
    const run = this.#runs.getStore();
    if (run === undefined) return send();
    if (run.crashAfter !== null && run.calls >= run.crashAfter) return crashed(run);
    if (run.calls + 1 === run.failCall) {
      run.calls += 1;
      throw new Error('the connection was lost');
    }
    // A call that is refused (a script that the server does not know yet) and sent again counts once.
    const answer = await send();
    run.calls += 1;
    return run.calls === run.crashAfter ? crashed(run) : answer;
  }
}

async function crashed(run: Run): Promise<never> {
  run.crash();
  return new Promise<never>(() => undefined);
}
