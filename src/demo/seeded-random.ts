/**
 * Random numbers that a seed repeats: mulberry32 (Tommy Ettinger, public domain).
 */

/** A function that gives numbers from 0 (included) to 1 (excluded). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `count` different items, in random order (Fisher–Yates, from the front). */
export function pick<Item>(items: readonly Item[], count: number, random: () => number): Item[] {
  const order = items.map((_, at) => at);
  const wanted = Math.min(count, items.length);
  for (let at = 0; at < wanted; at += 1) {
    const other = at + Math.floor(random() * (order.length - at));
    [order[at], order[other]] = [order[other] ?? at, order[at] ?? other];
  }
  return order.slice(0, wanted).flatMap((at) => items.slice(at, at + 1));
}
