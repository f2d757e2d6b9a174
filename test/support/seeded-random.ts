/**
 * Random numbers that can be repeated: the seed is printed, and TEST_SEED sets it.
 * Not for secrets: mulberry32 is small and fast, no more.
 */

export interface SeededRandom {
  readonly seed: number;
  /** From 0 up to, but not including, 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  /** True with the probability `share`. */
  chance(share: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
}

/** Draws (or takes from TEST_SEED) a seed and prints it under `name`, the test that it belongs to. */
export function chooseSeed(name: string): number {
  const given = process.env['TEST_SEED'];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  if (!Number.isSafeInteger(seed)) throw new Error(`TEST_SEED must be a whole number, not "${given}"`);
  console.log(`${name}: seed ${seed} (repeat with TEST_SEED=${seed})`);
  return seed;
}

/** How fast-check repeats a history; it prints all three after a failure. */
export interface Replay {
  readonly parameters: { readonly seed: number; readonly path?: string; readonly endOnFailure?: boolean };
  readonly commands: { readonly replayPath?: string };
}

/** As `chooseSeed`; TEST_PATH and TEST_REPLAY_PATH lead to the one history of a seed, as fast-check printed them. */
export function chooseReplay(name: string): Replay {
  const seed = chooseSeed(name);
  const { TEST_PATH: path, TEST_REPLAY_PATH: replayPath } = process.env;
  return {
    parameters: path === undefined ? { seed } : { seed, path, endOnFailure: true },
    commands: replayPath === undefined ? {} : { replayPath },
  };
}

/** The same `seed` gives the same numbers. */
export function createRandom(seed: number): SeededRandom {
  const next = mulberry32(seed);
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    seed,
    next,
    integer,
    chance: (share) => next() < share,
    pick: (list) => {
      const index = integer(0, list.length - 1);
      if (index >= list.length || index < 0) throw new Error('There is nothing to pick from');
      return list[index] as (typeof list)[number];
    },
  };
}

/** By Tommy Ettinger, in the public domain; period 2^32. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
