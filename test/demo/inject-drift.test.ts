/**
 * The demo's faults: together they lead to every verdict that needs neither a distributor nor the index of open claims.
 */
import { expect, it } from 'vitest';
import { driftKinds, driftStories } from '../../src/demo/inject-drift.ts';
import { makeClaims } from '../../src/demo/synthetic-claims.ts';
import { defaultPolicy } from '../../src/domain/verdict.ts';

it('has a fault for every bad verdict but that of a marker without a row', () => {
  const verdicts = new Set<string>(driftKinds.map((kind) => driftStories[kind].verdict));
  const wanted = Object.keys(defaultPolicy).filter((verdict) => verdict !== 'rowless_marker');
  expect([...verdicts].sort()).toEqual(wanted.sort());
});

it('expects of each fault what the default policy does about its verdict', () => {
  for (const kind of driftKinds) {
    const { verdict, ends } = driftStories[kind];
    // Two granted claims on one marker are for people, and a claim in doubt as long as there is no distributor.
    const isForPeople = kind === 'double_grant' || kind === 'in_doubt' || defaultPolicy[verdict] !== 'repair';
    expect({ kind, ends }).toEqual({ kind, ends: isForPeople ? 'alerted' : 'repaired' });
  }
});

it('makes claims up of which no two granted ones share a marker, and each refused one follows a granted one', () => {
  const claims = makeClaims(5_000);
  const keyOf = ({ activityId, giftId, uid }: (typeof claims)[number]): string =>
    `${activityId}:${giftId}:${uid}`;
  const granted = claims.filter(({ status }) => status === 'granted').map(keyOf);
  expect(claims).toHaveLength(5_000);
  expect(new Set(granted).size).toBe(granted.length);
  for (const claim of claims.filter(({ status }) => status === 'failed')) {
    expect(granted).toContain(keyOf(claim));
  }
});
