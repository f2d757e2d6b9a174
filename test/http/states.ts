/**
 * Overviews to render and serve: one where all is well, and pieces to make others of.
 */
import type {
  AlertView,
  DiscrepancyView,
  Overview,
  PassView,
  RepairView,
  SourceOverview,
} from '../../src/postgres/overview.ts';

export const readAt = '2026-11-21T08:00:00.000Z';

export function secondsBefore(seconds: number): string {
  return new Date(Date.parse(readAt) - seconds * 1_000).toISOString();
}

export const pass: PassView = {
  id: '7',
  askedBy: 'schedule',
  mode: 'repair',
  startedAt: secondsBefore(8),
  endedAt: secondsBefore(7),
  outcome: 'completed',
  reason: null,
  checked: 5_000,
  verdicts: { consistent: 4_998, missing_marker: 2 },
  repairs: { applied: 2, failed: 0 },
  durationMs: 240,
};

export const discrepancy: DiscrepancyView = {
  id: '1',
  subject: 'claim:42',
  claimId: '42',
  verdict: 'missing_marker',
  markerKey: 'gift:42',
  committedAfter: secondsBefore(150),
  firstSeenAt: secondsBefore(90),
  lastSeenAt: secondsBefore(5),
  nextCheckAt: null,
  checks: 0,
  held: false,
};

export const repair: RepairView = {
  id: '3',
  discrepancyId: '1',
  claimId: '42',
  verdict: 'missing_marker',
  action: 'reissue_marker',
  outcome: 'applied',
  markerKey: 'gift:42',
  before: { kind: 'absent', value: null, expiresInMs: null },
  after: { kind: 'present', value: 'a-17', expiresInMs: 60_000 },
  note: null,
  doneBy: 'schedule',
  passId: '7',
  undoOf: null,
  undoneBy: null,
  intendedAt: secondsBefore(8),
  endedAt: secondsBefore(8),
};

export const alert: AlertView = {
  id: '1',
  kind: 'brake',
  source: 'gifts',
  severity: 'critical',
  summary: 'The brake stopped all repairs.',
  state: 'open',
  acknowledgedBy: null,
  seen: 1,
  openedAt: secondsBefore(8),
  lastSeenAt: secondsBefore(8),
};

export const quiet: SourceOverview = {
  name: 'gifts',
  table: 'public.gift_claim',
  mode: 'repair',
  schedule: '*/10 * * * * *',
  checkpoint: { changeXid: '7701', id: '113640', value: null, movedAt: secondsBefore(8), ageMs: 7_000 },
  horizon: { ageMs: 61_000, stalledBy: null },
  brake: { state: 'armed', reason: null, changedAt: null, changedBy: null, liftedUntil: null },
  openByVerdict: {},
  open: 0,
  openIsCapped: false,
  oldestOpenMs: null,
  consistency: { judged: 5_000, within: { '1m': 0.9988, '5m': 0.9996, '15m': 1 } },
  reports: { unjudged: 0, oldestMs: null },
  discrepancies: [],
  passes: [pass],
  repairs: [repair],
  unfinished: [],
  unfinishedCount: 0,
};

export function overviewOf(source: Partial<SourceOverview>, rest: Partial<Overview> = {}): Overview {
  return { readAt, sources: [{ ...quiet, ...source }], alerts: [], alertCounts: [], ...rest };
}
