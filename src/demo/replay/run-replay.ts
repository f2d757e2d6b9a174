/**
 * The replay, told in one function: claims are played through the gate while the daemon runs, faults are let happen, all
 * markers are lost once, and in the end everything is settled and nothing was handed out twice.
 * Invariants kept: as in the demo, a database of its own and only markers it set itself; Redis loses its data only
 * where it was booted for the replay.
 */
import { OpenParts } from '../../app/open-parts.ts';
import { untilAborted } from '../../app/until-aborted.ts';
import type { DemoClaim } from '../synthetic-claims.ts';
import { makeClaims } from '../synthetic-claims.ts';
import { readCouponClaims } from '../coupon-claims.ts';
import { seededRandom } from '../seeded-random.ts';
import type { DemoOptions } from '../run-demo.ts';
import { lookAgain } from '../second-look.ts';
import type { ReplayedFault } from './replay-balance.ts';
import { checkBook } from './check-book.ts';
import { loseAllMarkers } from './lose-markers.ts';
import { openReplay, type Replay } from './open-replay.ts';
import { planFaults } from './plan-faults.ts';
import { playClaims, type PlayedClaim } from './play-claims.ts';
import { ReplayView } from './replay-view.ts';
import { watchReplay } from './watch-replay.ts';

const claimsMade = 5_000;
const faultShare = 0.02;
/** Played before all markers are lost; few enough for one plan to set them all again. */
const claimsBeforeLoss = 10_000;

/** True when everything was settled, the book holds no second grant, and a second look found nothing new. */
export async function runReplay(options: DemoOptions): Promise<boolean> {
  const { signal, seed, claimsFile } = options;
  const view = new ReplayView(options.out);
  const parts = new OpenParts();
  view.title(seed, claimsFile);
  const claims = claimsFile === null ? makeClaims(claimsMade) : await readCouponClaims(claimsFile);
  try {
    const replay = await openReplay(options, view, parts);
    const played = await play(replay, claims, seed, view, signal);
    view.step('what is left over');
    const result = await watchReplay(replay, played, view, signal);
    view.settled(result);
    view.step("the distributor's book");
    const book = await checkBook(replay.stores.pool, replay.distributor);
    view.book(book);
    view.step('a second look');
    const second = await lookAgain(replay.config, replay.stores.namespace, signal);
    view.second(second);
    if (options.stays) {
      view.staying(replay.daemon.url);
      await untilAborted(signal);
    }
    return result.balances && book.isInOrder && second.found === 0;
  } finally {
    if (signal.aborted) view.note('stopping the daemon and the servers …');
    await parts.close();
    if (signal.aborted) view.note('stopped; nothing is left behind');
  }
}

/** Everything that was let go wrong. Once in between all markers are lost, at a moment when nothing is under way. */
async function play(
  replay: Replay,
  claims: readonly DemoClaim[],
  seed: number,
  view: ReplayView,
  signal: AbortSignal,
): Promise<ReplayedFault[]> {
  const planned = planFaults(claims, faultShare, seededRandom(seed));
  const cut = Math.min(claimsBeforeLoss, Math.ceil(planned.length / 2));
  const first = await playPart(replay, planned.slice(0, cut), view, signal);
  const lost = replay.loseRedis === null ? [] : await loseAllMarkers(replay, first, view, signal);
  if (replay.loseRedis === null) view.note('Redis was given: its data are not lost on purpose');
  const second = await playPart(replay, planned.slice(cut), view, signal);
  return [...first, ...lost, ...second];
}

async function playPart(
  { stage }: Replay,
  claims: readonly PlayedClaim[],
  view: ReplayView,
  signal: AbortSignal,
): Promise<ReplayedFault[]> {
  view.step(`${claims.length} claims through the gate, ${stage.concurrency} at a time`);
  const { counts, unanswered } = await playClaims(stage, claims, signal);
  view.played(counts);
  return [
    ...claims.flatMap(({ fault, attempt }) => (fault === null ? [] : [{ fault, attempt }])),
    ...unanswered.map((attempt) => ({ fault: 'timed_out' as const, attempt })),
  ];
}
