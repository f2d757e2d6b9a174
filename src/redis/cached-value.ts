/**
 * A guarded cache's value in Redis: one hash with the value, its times, the number of the rebuild that brought it, and
 * what holds off the next rebuild. All times are by that server's clock.
 * Invariants kept: an older rebuild never overwrites a newer one, nor what invalidated it, whatever is lost or late;
 * every hash has an expiry. Does not rebuild, and takes no lease.
 *
 * The number is what a lease cannot give: whoever was stopped for longer than its lease may still write. The method is
 * that of the lease tokens in R. Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1, except that
 * numbers are ordered, so that the latest wins instead of the one whose token is left.
 */
import type { Redis } from 'ioredis';
import { withDeadline } from './connect.ts';
import { describeRedisError } from './redis-trouble.ts';
import { loadScript, runScript, type Script, type ScriptArgument } from './script.ts';

const readScript = loadScript(new URL('./read-cached.lua', import.meta.url));
const beginScript = loadScript(new URL('./begin-rebuild.lua', import.meta.url));
const storeScript = loadScript(new URL('./store-cached.lua', import.meta.url));
const failScript = loadScript(new URL('./fail-rebuild.lua', import.meta.url));
const invalidateScript = loadScript(new URL('./invalidate-cached.lua', import.meta.url));

export interface CachedText {
  /** JSON. */
  readonly text: string;
  /** 0 when it is stale. */
  readonly freshForMs: number;
  /** Fresh or stale. */
  readonly usableForMs: number;
}

export interface CacheReading {
  readonly value: CachedText | null;
  /** For how long the last failure holds off the next rebuild; 0 when it does not. */
  readonly heldOffForMs: number;
}

/** The right to store one result. */
export interface RebuildTicket {
  readonly number: number;
  /** Unix milliseconds by the server's clock: what is stored later is refused. */
  readonly notAfterMs: number;
}

export interface CachedValueOptions {
  readonly redis: Redis;
  /** What every key begins with. */
  readonly prefix: string;
  readonly callTimeoutMs: number;
  /** The longest a rebuild may take. */
  readonly rebuildMs: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

/** Every call ends within `callTimeoutMs`, and throws OperatingError when Redis refuses or does not answer. */
export class CachedValues {
  readonly #options: CachedValueOptions;

  constructor(options: CachedValueOptions) {
    this.#options = options;
  }

  async read(key: string): Promise<CacheReading> {
    const reply = await this.#run('reading', readScript, key, []);
    const [value, fresh, usable, heldOff]: unknown[] = Array.isArray(reply) ? reply : [];
    return {
      value: Buffer.isBuffer(value)
        ? { text: value.toString('utf8'), freshForMs: Number(fresh), usableForMs: Number(usable) }
        : null,
      heldOffForMs: Number(heldOff),
    };
  }

  /** Null when there is nothing to rebuild: the value is fresh by now, or rebuilding is held off. */
  async begin(key: string): Promise<RebuildTicket | null> {
    const reply = await this.#run('beginning to rebuild', beginScript, key, [this.#leastLifeMs]);
    const [number, nowMs] = Array.isArray(reply) ? reply.map(Number) : [];
    if (number === undefined || nowMs === undefined)
      throw new TypeError('the script must answer with a list');
    const { rebuildMs, callTimeoutMs } = this.#options;
    return number === 0 ? null : { number, notAfterMs: nowMs + rebuildMs + callTimeoutMs };
  }

  /** False when it was refused: a later rebuild came first, the value was invalidated, or it took too long. */
  async store(key: string, ticket: RebuildTicket, value: CachedText): Promise<boolean> {
    const { text, freshForMs, usableForMs } = value;
    const times = [Math.floor(freshForMs), Math.ceil(usableForMs), this.#leastLifeMs];
    const args = [ticket.number, ticket.notAfterMs, text, ...times];
    return (await this.#run('storing', storeScript, key, args)) === 1;
  }

  /** Holds off the next rebuild. Returns for how many milliseconds; 0 when another has succeeded meanwhile. */
  async fail(key: string, ticket: RebuildTicket): Promise<number> {
    const { backoffMs, backoffMaxMs } = this.#options;
    const args = [ticket.number, backoffMs, backoffMaxMs, this.#leastLifeMs];
    return Number(await this.#run('holding off', failScript, key, args));
  }

  async invalidate(key: string): Promise<void> {
    await this.#run('invalidating', invalidateScript, key, [this.#leastLifeMs]);
  }

  /** The hash must not go, with the numbers in it, while a rebuild could still be stored. */
  get #leastLifeMs(): number {
    return this.#options.rebuildMs + 2 * this.#options.callTimeoutMs;
  }

  async #run(what: string, script: Script, key: string, args: ScriptArgument[]): Promise<unknown> {
    const { redis, prefix, callTimeoutMs } = this.#options;
    const work = runScript(redis, script, [`${prefix}${key}`], args);
    return withDeadline(work, callTimeoutMs, `${what} a cached value`).catch((error: unknown) => {
      throw describeRedisError(error);
    });
  }
}
