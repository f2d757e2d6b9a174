/**
 * What people look up and ask for on the dashboard, over the stores of a daemon.
 * Invariant kept: people who look never take the connections that passes need: a few look at a time, the others are asked
 * to try again.
 */
import { OperatingError } from '../domain/operating-error.ts';
import type { Desk } from '../http/desk.ts';
import { readActivity } from '../postgres/activity.ts';
import { acknowledgeAlert } from '../postgres/alert.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { findSubject } from '../postgres/history.ts';
import { explainClaim, explainMarker, type ExplainTarget } from '../reconcile/explain-claim.ts';
import { tell, type Told } from '../reconcile/explain-words.ts';
import { resumeSource } from '../reconcile/rewind-source.ts';
import { openSource } from '../reconcile/source-context.ts';
import { findSource } from '../reconcile/under-term.ts';
import { readByHandPayload } from '../schedule/by-hand-payload.ts';
import type { PassQueue } from '../schedule/pass-queue.ts';
import type { ByHand } from './by-hand.ts';
import type { OpenDeps } from './open-deps.ts';

/** The pool has more, and passes, upkeep and reports use them. */
const looksMax = 2;
const lookTimeoutMs = 6_000;
/** A day, in as many bars as a chart has room for. */
const activitySpan = { buckets: 48, bucketMs: 30 * 60_000 } as const;

export function openDesk(
  deps: OpenDeps,
  passes: Pick<PassQueue, 'enqueueByHand'>,
  byHand: Pick<ByHand, 'ask' | 'read'>,
): Desk {
  const { pool, sources } = deps;
  let looks = 0;
  return {
    explain: async (source, target, ask) => {
      if (looks >= looksMax) {
        throw new OperatingError(
          'not_ready',
          `${looksMax} claims or markers are being looked up already. Try again in a moment.`,
        );
      }
      looks += 1;
      try {
        return await look(deps, source, target, ask);
      } catch (error) {
        throw asOperatingError(error);
      } finally {
        looks -= 1;
      }
    },
    findSubject: async (id) => findSubject(pool, id),
    activity: async () =>
      readActivity(
        pool,
        sources.map(({ name }) => name),
        activitySpan,
      ),
    acknowledge: async (id, by) => acknowledgeAlert(pool, id, by),
    resume: async (source, liftMs, by) => resumeSource(pool, findSource(sources, source).name, liftMs, by),
    askForPass: async (source, by) => passes.enqueueByHand(findSource(sources, source).name, by),
    askByHand: async (payload) => {
      const reading = readByHandPayload(payload);
      if (reading.kind === 'refused') {
        throw new OperatingError(
          'configuration',
          `This cannot be asked for: ${reading.reason} Nothing was changed.`,
        );
      }
      if (payload.task === 'repair') findSource(sources, payload.source);
      return byHand.ask(reading.payload);
    },
    readByHand: async (id) => byHand.read(id),
  };
}

async function look(
  deps: OpenDeps,
  source: string,
  target: ExplainTarget,
  ask: boolean,
): Promise<Told | null> {
  const context = await openSource(deps, findSource(deps.sources, source), deps.limits);
  const signal = AbortSignal.timeout(lookTimeoutMs);
  const explained =
    target.kind === 'claim'
      ? await explainClaim(context, target.id, ask, signal)
      : await explainMarker(context, target.key, ask, signal);
  return explained === null ? null : tell(explained, context.source);
}
