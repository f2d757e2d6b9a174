/**
 * An application and its gift claims, each in some kind of disagreement with its marker, and what it may do to one of them at any moment.
 * Invariant kept: at most one claim for one gift is granted, so that a marker can be right for all.
 */
import type { Gift, World } from '../../reconcile/support/world.ts';

const hourMs = 3_600_000;

/** What is wrong with a claim at first. */
export const drifts = [
  'none',
  'marker missing',
  'without an expiry',
  'too short',
  'too long',
  'marker of a released attempt',
  'marker of a stranger',
  'released, marker left',
  'pending',
] as const;
export type Drift = (typeof drifts)[number];

/** What the application, or Redis, does to the claim of one gift. */
export const deeds = [
  'marker deleted',
  'marker expires',
  'marker without an expiry',
  'marker re-timed, longer',
  'marker re-timed, shorter',
  'marker taken by another attempt',
  'row revoked',
  'row granted',
  'row deleted',
  'revoked and claimed anew',
] as const;
export type Deed = (typeof deeds)[number];

export class ClaimBook {
  readonly #world: World;
  readonly #gifts: Gift[] = [];
  #attempts = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async add(drift: Drift): Promise<void> {
    const world = this.#world;
    const uid = this.#gifts.length + 1;
    const words: Partial<Record<Drift, string>> = { 'released, marker left': 'revoked', pending: 'pending' };
    if (drift === 'marker of a released attempt') {
      await world.setMarker(await world.addGift({ uid, attempt: this.#attempt(), status: 'failed' }));
    }
    const gift = await world.addGift({ uid, attempt: this.#attempt(), status: words[drift] ?? 'granted' });
    this.#gifts.push(gift);
    if (drift === 'marker missing' || drift === 'marker of a released attempt') return;
    if (drift === 'marker of a stranger') return world.setMarker(gift, { value: this.#attempt() });
    if (drift === 'without an expiry') return world.setMarker(gift, { expiresInMs: null });
    if (drift === 'too short') return world.setMarker(gift, { expiresInMs: hourMs });
    await world.setMarker(gift, drift === 'too long' ? { expiresInMs: 300 * hourMs } : {});
  }

  keyOf(nth: number): string {
    return this.#gifts[nth % this.#gifts.length]?.key ?? '';
  }

  async carryOut(deed: Deed, key: string): Promise<void> {
    const at = this.#gifts.findIndex((one) => one.key === key);
    const gift = this.#gifts[at];
    if (gift === undefined) throw new Error('there is no gift');
    const { redis, pool } = this.#world;
    switch (deed) {
      case 'marker deleted':
        await redis.del(gift.key);
        return;
      case 'marker expires':
        // Its time is up at this very moment.
        await redis.pexpire(gift.key, 0);
        return;
      case 'marker without an expiry':
        await redis.persist(gift.key);
        return;
      case 'marker re-timed, longer':
        await redis.pexpire(gift.key, 400 * hourMs);
        return;
      case 'marker re-timed, shorter':
        await redis.pexpire(gift.key, 2 * hourMs);
        return;
      case 'marker taken by another attempt':
        // For a shorter time, so that its value alone tells that it is another.
        await redis.set(gift.key, this.#attempt(), 'PX', 20 * hourMs);
        return;
      case 'row revoked':
        return this.#world.setGiftStatus(gift, 'revoked');
      case 'row granted':
        return this.#world.setGiftStatus(gift, 'granted');
      case 'row deleted':
        await pool.query('delete from gift_claim where id = $1', [gift.id]);
        return;
      case 'revoked and claimed anew':
        return this.#claimAnew(gift, at);
    }
  }

  /** In the order of a careful application: the marker first, and the row that it frees before the new one. */
  async #claimAnew(gift: Gift, at: number): Promise<void> {
    const attempt = this.#attempt();
    const world = this.#world;
    await world.setGiftStatus(gift, 'revoked');
    await world.redis.set(gift.key, attempt, 'PX', 24 * hourMs);
    this.#gifts[at] = await world.addGift({ uid: at + 1, attempt });
  }

  #attempt(): string {
    this.#attempts += 1;
    return `attempt-${this.#attempts}`;
  }
}

/** Markers that are not as the rows say, in words; gifts that are named are left out. */
export async function markersNotRight(world: World, heldKeys: ReadonlySet<string>): Promise<string[]> {
  const { rows } = await world.pool.query<{ key: string; attempt: string; status: string; leftMs: number }>(
    `select 'gift:' || uid as key, attempt_id as attempt, status,
       (extract(epoch from expires_at - clock_timestamp()) * 1000)::float8 as "leftMs" from gift_claim`,
  );
  const wrongs: string[] = [];
  for (const { key, attempt, status, leftMs } of rows) {
    if (heldKeys.has(key) || status === 'pending') continue;
    const [value, pttl] = await Promise.all([world.redis.get(key), world.redis.pttl(key)]);
    const isRight =
      status === 'granted' ? value === attempt && Math.abs(pttl - leftMs) < 61_000 : value !== attempt;
    if (!isRight) wrongs.push(`${key}: ${status} ${attempt}, marker ${value} for ${pttl} ms`);
  }
  return wrongs;
}
