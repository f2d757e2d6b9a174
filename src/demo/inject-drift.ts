/**
 * Injects every kind of drift that needs no distributor, into claims that a seed picks.
 * Invariant kept: each claim gets one fault at most, and the verdict it must lead to is known beforehand.
 */
import type { ChainableCommander } from 'ioredis';
import type { BadVerdict } from '../domain/verdict.ts';
import type { DemoStores, GrantedClaim } from './fill-claims.ts';
import { pick } from './seeded-random.ts';

export const driftKinds = [
  'missing_marker',
  'immortal_marker',
  'wrong_expiry',
  'conflicting_marker',
  'orphan_marker',
  'double_grant',
  'in_doubt',
  'unreadable_marker',
  'unreadable_claim',
] as const;

export type DriftKind = (typeof driftKinds)[number];

export interface InjectedFault {
  readonly source: string;
  readonly claimId: string;
  readonly kind: DriftKind;
}

/** How each fault comes about in real life, and what is expected of the reconciler. */
export const driftStories: Readonly<
  Record<
    DriftKind,
    { readonly cause: string; readonly verdict: BadVerdict; readonly ends: 'repaired' | 'alerted' }
  >
> = {
  missing_marker: { cause: 'marker evicted', verdict: 'missing_marker', ends: 'repaired' },
  immortal_marker: { cause: 'EXPIRE failed after SETNX', verdict: 'immortal_marker', ends: 'repaired' },
  wrong_expiry: { cause: 'wrong TTL set', verdict: 'wrong_expiry', ends: 'repaired' },
  conflicting_marker: {
    cause: 'marker taken by a lost attempt',
    verdict: 'conflicting_marker',
    ends: 'repaired',
  },
  orphan_marker: { cause: 'hand-out failed, DEL failed too', verdict: 'orphan_marker', ends: 'repaired' },
  double_grant: { cause: 'handed out twice', verdict: 'conflicting_marker', ends: 'alerted' },
  in_doubt: { cause: 'crash before the answer', verdict: 'in_doubt', ends: 'alerted' },
  unreadable_marker: { cause: 'key overwritten by a hash', verdict: 'unreadable_marker', ends: 'alerted' },
  unreadable_claim: { cause: 'status the mapping lacks', verdict: 'unreadable_claim', ends: 'alerted' },
};

/** Far outside the tolerance of a window of half a year. */
const wrongExpiryMs = 40 * 86_400_000;
const strangerWindowMs = 90 * 86_400_000;

/** Faults in `count` gift claims, all kinds in turn. */
export async function injectGiftDrift(
  stores: DemoStores,
  source: string,
  claims: readonly GrantedClaim[],
  count: number,
  random: () => number,
): Promise<InjectedFault[]> {
  const faults = pick(claims, count, random).map((claim, at) => ({
    claim,
    kind: driftKinds[at % driftKinds.length] ?? 'missing_marker',
  }));
  const batch = stores.redis.pipeline();
  for (const { claim, kind } of faults) breakMarker(batch, claim, kind);
  await batch.exec();
  await breakRows(stores, faults);
  return faults.flatMap(({ claim, kind }) =>
    // A marker that cannot be read is unreadable for every claim on it; all other faults concern one claim.
    [claim.id, ...(kind === 'unreadable_marker' ? claim.siblings : [])].map((claimId) => ({
      source,
      claimId,
      kind,
    })),
  );
}

/** Order grabs are written by code that sets the expiry in a second command: some markers never got theirs. */
export async function injectOrderDrift(
  { redis }: DemoStores,
  source: string,
  claims: readonly GrantedClaim[],
  count: number,
  random: () => number,
): Promise<InjectedFault[]> {
  const broken = pick(claims, count, random);
  const batch = redis.pipeline();
  for (const { key, value } of broken) batch.set(key, value);
  await batch.exec();
  return broken.map(({ id }) => ({ source, claimId: id, kind: 'immortal_marker' }));
}

function breakMarker(batch: ChainableCommander, { id, key, value }: GrantedClaim, kind: DriftKind): void {
  switch (kind) {
    case 'missing_marker':
      batch.del(key);
      break;
    case 'immortal_marker':
      batch.set(key, value);
      break;
    case 'wrong_expiry':
      batch.pexpire(key, wrongExpiryMs);
      break;
    case 'conflicting_marker':
      batch.set(key, `stranger-${id}`, 'PX', strangerWindowMs);
      break;
    case 'double_grant':
      batch.set(key, `second-${id}`, 'KEEPTTL');
      break;
    case 'unreadable_marker':
      batch.del(key).hset(key, 'attempt', value);
      break;
    case 'orphan_marker':
    case 'in_doubt':
    case 'unreadable_claim':
      break;
  }
}

async function breakRows(
  { pool }: DemoStores,
  faults: readonly { readonly claim: GrantedClaim; readonly kind: DriftKind }[],
): Promise<void> {
  const ids = (wanted: DriftKind): string[] =>
    faults.filter(({ kind }) => kind === wanted).map(({ claim }) => claim.id);
  const setStatus = 'update gift_claim set status = $2 where id = any($1)';
  await pool.query(setStatus, [ids('orphan_marker'), 'revoked']);
  await pool.query(setStatus, [ids('in_doubt'), 'pending']);
  await pool.query(setStatus, [ids('unreadable_claim'), 'half-done']);
  await pool.query(
    `insert into gift_claim (activity_id, gift_id, uid, attempt_id, status, expires_at)
     select activity_id, gift_id, uid, 'second-' || id, status, expires_at from gift_claim where id = any($1)`,
    [ids('double_grant')],
  );
}
