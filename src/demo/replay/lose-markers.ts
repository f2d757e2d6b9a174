/**
 * Kills Redis in the middle of a replay and starts it empty, and lets the brake be lifted as a person would.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { readBrake } from '../../postgres/brake.ts';
import { resumeSource } from '../../reconcile/rewind-source.ts';
import { giftSource } from '../demo-source.ts';
import type { Replay } from './open-replay.ts';
import type { ReplayedFault } from './replay-balance.ts';
import type { ReplayView } from './replay-view.ts';
import { watchReplay } from './watch-replay.ts';

const lookEveryMs = 200;
const liftMs = 10 * 60_000;

/**
 * Waits until all that went wrong before is settled, kills Redis, and waits until the markers are back. Returns a fault
 * for each granted claim, all of which lost their markers. Throws when the brake did not stop it within a minute.
 */
export async function loseAllMarkers(
  replay: Replay,
  before: readonly ReplayedFault[],
  view: ReplayView,
  signal: AbortSignal,
): Promise<ReplayedFault[]> {
  const { stores } = replay;
  view.step('all of that settled, then Redis killed');
  await watchReplay(replay, before, view, signal);
  await replay.loseRedis?.();
  const { rows } = await stores.pool.query<{ attempt: string }>(
    `select attempt_id as attempt from gift_claim where status = 'granted'`,
  );
  const lost = rows.map(({ attempt }): ReplayedFault => ({ fault: 'lost_data', attempt }));
  const reason = await untilBraked(replay, signal);
  view.note(`the brake stopped all repairs: ${reason}`);
  view.note('a person looks, and says: resume');
  await resumeSource(stores.pool, giftSource, liftMs, 'demo');
  await watchReplay(replay, [...before, ...lost], view, signal);
  view.done(`${lost.length} markers were lost and are back`);
  return lost;
}

async function untilBraked({ stores }: Replay, signal: AbortSignal): Promise<string> {
  const until = performance.now() + 60_000;
  while (performance.now() < until) {
    const { state, reason } = await readBrake(stores.pool, giftSource);
    if (state === 'tripped') return reason ?? 'no reason given';
    await wait(lookEveryMs, undefined, { signal });
  }
  throw new Error('the brake did not stop the repairs after all markers were lost');
}
