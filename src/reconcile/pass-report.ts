/**
 * What one pass did, in the shape that `reconcile --json`, the queue's job result and the dashboard show.
 * A contract: fields are added, never renamed.
 */
import type { BrakeState } from '../domain/brake.ts';
import type { Position } from '../domain/claim.ts';
import type { RepairKind, RepairOutcome } from '../domain/repair-action.ts';
import type { Mode } from '../domain/source.ts';
import type { Verdict } from '../domain/verdict.ts';

/**
 * completed: the window was read to its end. stopped: asked to stop, or out of time, between batches. aborted: a store
 * failed in mid-pass, or the term was lost. braked: too much looked wrong. In every case what was judged before is kept.
 */
export type PassOutcome = 'completed' | 'stopped' | 'aborted' | 'braked';

export interface PassReport {
  readonly passId: string;
  readonly source: string;
  readonly mode: Mode;
  readonly outcome: PassOutcome;
  /** One sentence when the outcome is not `completed`, or when something held repairs back. */
  readonly reason: string | null;
  readonly checked: number;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  readonly repairs: Readonly<Record<RepairOutcome, number>>;
  /** The same repairs, by what they change. */
  readonly actions: Readonly<Record<RepairKind, Readonly<Record<RepairOutcome, number>>>>;
  /** Open discrepancies of the source after the pass. */
  readonly open: number;
  readonly checkpoint: { readonly from: Position | null; readonly to: Position | null };
  /** The transaction id below which this pass read. */
  readonly horizon: string;
  readonly horizonAgeMs: number;
  /** Who holds the horizon still, in words; null when nobody does. */
  readonly stalledBy: string | null;
  readonly brake: BrakeState;
  readonly durationMs: number;
}
