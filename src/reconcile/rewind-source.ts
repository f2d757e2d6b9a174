/**
 * A person's rewind of a checkpoint, and the release of a tripped brake.
 * Invariant kept (2): a checkpoint goes back only here, and when the marker Redis changed; never forward.
 */
import type pg from 'pg';
import { OperatingError } from '../domain/operating-error.ts';
import { resolveAlerts } from '../postgres/alert.ts';
import { liftBrake } from '../postgres/brake.ts';
import { inTransaction } from '../postgres/connect.ts';
import { makeDue } from '../postgres/discrepancy.ts';
import { horizonAgo } from '../postgres/horizon.ts';
import { rewindCheckpoint } from '../postgres/rewind-checkpoint.ts';
import type { Term } from './hold-term.ts';
import type { SourceContext } from './source-context.ts';

export type RewindTarget =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'ago'; readonly agoMs: number }
  /** Unix milliseconds. */
  | { readonly kind: 'time'; readonly atMs: number };

/**
 * Returns the transaction id that reading goes on from; 0 is the beginning. A checkpoint that stands before what was
 * asked for stays where it is. Time is translated by the horizon samples: where none is that old, reading begins anew. Throws `not_found`
 * when there is no checkpoint yet, `fenced_out` under an old token.
 */
export async function rewindSource(
  context: SourceContext,
  term: Term,
  target: RewindTarget,
): Promise<string> {
  const reached = await rewindIfRead(context, term, target);
  if (reached !== null) return reached;
  throw new OperatingError(
    'not_found',
    `The source ${context.source.name} has no checkpoint yet: its first pass begins at the beginning anyway.`,
  );
}

/** The same, but null for a source that was never read. Throws `configuration` for a time that is still to come. */
export async function rewindIfRead(
  { pool, sql, nowMs }: SourceContext,
  term: Term,
  target: RewindTarget,
): Promise<string | null> {
  const agoMs = target.kind === 'time' ? nowMs() - target.atMs : target.kind === 'ago' ? target.agoMs : null;
  if (agoMs !== null && agoMs < 0) {
    throw new OperatingError(
      'configuration',
      'That time is still to come by the clock of Postgres; nothing was changed.',
    );
  }
  const changeXid = agoMs === null ? '0' : await horizonAgo(pool, agoMs);
  return rewindCheckpoint(pool, sql, { changeXid, fencingToken: term.fencingToken });
}

/** Makes what waits due now and lifts a tripped brake for `liftMs`. False when the brake was not tripped. */
export async function resumeSource(
  pool: pg.Pool,
  source: string,
  liftMs: number,
  by: string,
): Promise<boolean> {
  return inTransaction(pool, async (client) => {
    const lifted = await liftBrake(client, source, liftMs, by);
    await makeDue(client, source);
    if (lifted) await resolveAlerts(client, [`${source}:brake`]);
    return lifted;
  });
}
