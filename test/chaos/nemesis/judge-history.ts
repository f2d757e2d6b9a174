/**
 * Judges the history of a nemesis by every invariant that a history can show: 2, 3, 4, 7, 11, 12, and L1, L2, L3, L5 of the lease.
 * The application changes markers by the same scripts as repairs do; only what the daemons sent is judged as a repair.
 */
import { defaultNamespace } from '../../../src/domain/open-claim.ts';
import { passQueueName } from '../../../src/schedule/pass-queue.ts';
import { rowsOf, type HistoryEvent } from '../../support/history/events.ts';
import {
  checkpointsGoneBack,
  checkpointsUnderOldTokens,
  repairsUnderOldTokens,
} from '../../support/history/judge-checkpoint.ts';
import { changesWithoutJournal, untrueOutcomes } from '../../support/history/judge-journal.ts';
import {
  foreignLeasesTouched,
  notHeldAgain,
  writesAfterTheLease,
  writesOutOfTokenOrder,
} from '../../support/history/judge-lease.ts';
import { foreignMarkersTouched, markersWithoutExpiry } from '../../support/history/judge-markers.ts';
import { enumerations, slotsWithSecondJobs } from '../../support/history/judge-wire.ts';
import { keyChanges } from '../../support/history/marker-changes.ts';

/** How the daemons name their connections. */
const daemons = 'claim-reconciler:';
/** A claim of a slot may have been on its way to Postgres when the lease ended: that long at most, unless it was stopped there. */
const onItsWayMs = 2_000;
/** A TTL of 15 s and one retry; a daemon that was killed last may take as long to start on a busy machine. */
const heldAgainMs = 30_000;

/** What is against an invariant, in words. @param faultsEndedMs Unix milliseconds */
export function wrongsInHistory(events: readonly HistoryEvent[], faultsEndedMs: number): string[] {
  const markers = [...keyChanges(events, 'markers', 'gift:')].filter(({ by }) => by.from.startsWith(daemons));
  const leases = [...keyChanges(events, 'queue', `${defaultNamespace}:lease:`)];
  const journal = rowsOf(events, 'repair');
  const checkpoints = rowsOf(events, 'checkpoint');
  const slots = rowsOf(events, 'slot');
  return [
    ...checkpointsGoneBack(checkpoints),
    ...checkpointsUnderOldTokens(checkpoints),
    ...repairsUnderOldTokens(journal, checkpoints),
    ...foreignMarkersTouched(markers),
    ...markersWithoutExpiry(markers),
    ...changesWithoutJournal(markers, journal),
    ...untrueOutcomes(markers, journal),
    ...enumerations(events),
    ...slotsWithSecondJobs(events, passQueueName),
    ...writesOutOfTokenOrder(slots),
    ...writesAfterTheLease(slots, rowsOf(events, 'lease_term'), leases, onItsWayMs),
    ...foreignLeasesTouched(leases),
    ...notHeldAgain(slots, faultsEndedMs, heldAgainMs),
  ];
}
