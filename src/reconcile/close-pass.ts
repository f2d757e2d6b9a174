/**
 * Ends the record of a pass with its report, for passes and repairs by hand alike.
 */
import type { Position } from '../domain/claim.ts';
import { readBrake } from '../postgres/brake.ts';
import { asOperatingError } from '../postgres/as-operating-error.ts';
import { countOpen } from '../postgres/discrepancy.ts';
import { endPass } from '../postgres/pass.ts';
import type { Window } from './fix-window.ts';
import type { PassOutcome, PassReport } from './pass-report.ts';
import type { SourceContext } from './source-context.ts';
import type { Tally } from './tally.ts';

export interface PassEnd {
  readonly outcome: PassOutcome;
  /** One sentence when the outcome is not `completed`, or when something held repairs back. */
  readonly reason: string | null;
}

export interface EndedPass extends PassEnd {
  readonly passId: string;
  /** On the monotonic clock. */
  readonly startedAtMs: number;
  readonly from: Position;
  readonly to: Position;
  readonly window: Window;
  readonly tally: Tally;
}

/** The window of a pass that ended before it had one. */
export const noWindow: Window = { horizon: '0', horizonAgeMs: 0, bound: null, stalledBy: null };

/** Writes the report and returns it. Throws OperatingError when Postgres does not take it. */
export async function closePass(context: SourceContext, pass: EndedPass): Promise<PassReport> {
  const { pool, source } = context;
  try {
    const report: PassReport = {
      passId: pass.passId,
      source: source.name,
      mode: source.rules.mode,
      outcome: pass.outcome,
      reason: pass.reason,
      checked: pass.tally.checked,
      verdicts: { ...pass.tally.verdicts },
      repairs: { ...pass.tally.repairs },
      actions: { ...pass.tally.actions },
      open: await countOpen(pool, source.name),
      checkpoint: { from: pass.from, to: pass.to },
      horizon: pass.window.horizon,
      horizonAgeMs: Math.round(pass.window.horizonAgeMs),
      stalledBy: pass.window.stalledBy,
      brake: (await readBrake(pool, source.name)).state,
      durationMs: Math.round(performance.now() - pass.startedAtMs),
    };
    await endPass(pool, pass.passId, report.outcome, report);
    return report;
  } catch (error) {
    throw asOperatingError(error);
  }
}
