/**
 * Claims, markers and rules for the tests of the domain: one plain example of each, and arbitraries drawn from few
 * values, so that "the same" and "just off" come up often.
 * Does not know what is right: expectations stay in the tests.
 */
import * as fc from 'fast-check';
import type { Observation } from '../../src/domain/assess.ts';
import type {
  ClaimReading,
  ClaimStatus,
  NoClaim,
  ReadableClaim,
  UnreadableClaim,
} from '../../src/domain/claim.ts';
import type { LookupAnswer } from '../../src/domain/distributor.ts';
import type { OpenClaim } from '../../src/domain/open-claim.ts';
import type { MarkerReading, PresentMarker } from '../../src/domain/marker.ts';
import type { Rival } from '../../src/domain/decide.ts';
import type { SourceRules } from '../../src/domain/source.ts';
import { badVerdicts, defaultPolicy, treatments, type Policy } from '../../src/domain/verdict.ts';

/** Some moment in 2026, Unix milliseconds. */
export const nowMs = 1_780_000_000_000;
export const toleranceMs = 1_000;
/** The window of `claimOf` ends this long after `nowMs`. */
export const leftMs = 60_000;

export const absent: MarkerReading = { kind: 'absent' };
export const undecodable: MarkerReading = {
  kind: 'undecodable',
  reason: 'the key holds a list, not a string',
};
export const unread: MarkerReading = { kind: 'unread', reason: 'the connection was closed' };
export const openClaim: OpenClaim = {
  markerKey: 'gift:1:7',
  markerValue: 'a1',
  attempt: 'a1',
  columns: { activity_id: 1, uid: 7 },
  expiresAtMs: nowMs + 60_000,
};
/** Begun and never written. */
export const noRow: NoClaim = { kind: 'no_row', open: openClaim };
export const unreadableClaim: UnreadableClaim = {
  kind: 'unreadable',
  id: '7',
  changeXid: '1001',
  markerKey: 'gift:1:7',
  reason: 'the status "shipped" is not in the mapping',
};

export function claimOf(status: ClaimStatus, changes: Partial<ReadableClaim> = {}): ReadableClaim {
  return {
    kind: 'readable',
    id: '7',
    changeXid: '1001',
    status,
    attempt: 'a1',
    markerKey: 'gift:1:7',
    markerValue: 'a1',
    expiresAtMs: nowMs + leftMs,
    ...changes,
  };
}

export function present(value: string, expiresInMs: number | null): PresentMarker {
  return { kind: 'present', value, expiresInMs };
}

export function rulesOf(changes: Partial<SourceRules> = {}): SourceRules {
  return {
    mode: 'repair',
    policy: defaultPolicy,
    toleranceMs,
    valueNamesAttempt: true,
    graceMs: 60_000,
    brake: { repairsPerPlan: 500, repairsPerHour: 2_000, share: 0.05, shareSample: 200 },
    notGranted: 'grant',
    ...changes,
  };
}

const statuses: readonly ClaimStatus[] = ['pending', 'granted', 'released'];
const rivals: readonly (Rival | null)[] = ['granted', 'pending', 'released', 'unreadable', 'unknown', null];

/** Times around the tolerance and around zero. */
const anyOffsetMs = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.integer({ min: -toleranceMs - 2, max: toleranceMs + 2 }),
  fc.integer({ min: -100 * leftMs, max: 100 * leftMs }),
);
export const anyStatus = fc.constantFrom(...statuses);
export const anyValue = fc.constantFrom('a1', 'a2', 'a3', '');
export const anyRival = fc.constantFrom(...rivals);
export const anyAnswer = fc.constantFrom<LookupAnswer | null>(
  { kind: 'granted' },
  { kind: 'refused', reason: 'sold out' },
  { kind: 'unknown', reason: 'no answer' },
  { kind: 'not_granted' },
  null,
);

export const anyReadableClaim: fc.Arbitrary<ReadableClaim> = fc
  .record({
    status: anyStatus,
    markerValue: fc.option(anyValue, { nil: null, freq: 4 }),
    offsetMs: anyOffsetMs,
  })
  .map(({ status, markerValue, offsetMs }) =>
    claimOf(status, { markerValue, expiresAtMs: nowMs + offsetMs }),
  );

export const anyClaim: fc.Arbitrary<ClaimReading> = fc.oneof(
  { weight: 8, arbitrary: anyReadableClaim },
  { weight: 1, arbitrary: fc.constantFrom<ClaimReading>(noRow, unreadableClaim) },
);

export const anyPresentMarker: fc.Arbitrary<PresentMarker> = fc
  .record({ value: anyValue, expiresInMs: fc.option(anyOffsetMs.map(Math.abs), { nil: null, freq: 4 }) })
  .map(({ value, expiresInMs }) => present(value, expiresInMs));

export const anyMarker: fc.Arbitrary<MarkerReading> = fc.oneof(
  { weight: 6, arbitrary: anyPresentMarker },
  { weight: 3, arbitrary: fc.constantFrom<MarkerReading>(absent, undecodable, unread) },
);

export const anyObservation: fc.Arbitrary<Observation> = fc.record({ claim: anyClaim, marker: anyMarker });

const anyPolicy: fc.Arbitrary<Policy> = fc
  .array(fc.constantFrom(...treatments), { minLength: badVerdicts.length, maxLength: badVerdicts.length })
  .map((chosen) => {
    const policy = { ...defaultPolicy };
    for (const [at, verdict] of badVerdicts.entries()) policy[verdict] = chosen[at] ?? 'repair';
    return policy;
  });

export const anyRules: fc.Arbitrary<SourceRules> = fc
  .record({
    policy: fc.oneof(fc.constant(defaultPolicy), anyPolicy),
    toleranceMs: fc.constantFrom(0, 1, toleranceMs),
    valueNamesAttempt: fc.boolean(),
  })
  .map((changes) => rulesOf(changes));
