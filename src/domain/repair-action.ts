/**
 * The words for what can be changed, and for what came of it. Each change names what must still be there.
 * Does not decide: see `decide.ts`.
 */
import type { PresentMarker } from './marker.ts';

/** A change to one marker. `observed` is what must still be there for the change to be made. */
export type MarkerChange =
  | {
      readonly kind: 'reissue_marker';
      readonly key: string;
      readonly value: string;
      readonly expiresInMs: number;
    }
  | { readonly kind: 'delete_marker'; readonly key: string; readonly observed: PresentMarker }
  | {
      readonly kind: 'set_expiry';
      readonly key: string;
      readonly observed: PresentMarker;
      readonly expiresInMs: number;
    }
  | {
      readonly kind: 'replace_marker';
      readonly key: string;
      readonly observed: PresentMarker;
      readonly value: string;
      readonly expiresInMs: number;
    };

/**
 * A change to one claim's row, by what the distributor said; its marker is made right after it.
 * settle_granted, settle_released: the pending row is moved on. grant_again: the distributor is asked to hand out, under
 * the same key, and the row follows its answer. write_claim: the row that was never written.
 */
export interface Settlement {
  readonly kind: (typeof settlementKinds)[number];
  /** The marker's key. */
  readonly key: string;
}

export type RepairAction = MarkerChange | Settlement;

const markerChangeKinds = [
  'reissue_marker',
  'delete_marker',
  'set_expiry',
  'replace_marker',
] as const satisfies readonly MarkerChange['kind'][];
const settlementKinds = ['settle_granted', 'settle_released', 'grant_again', 'write_claim'] as const;

export const repairKinds = [...markerChangeKinds, ...settlementKinds] as const;
export type RepairKind = (typeof repairKinds)[number];

export const repairOutcomes = ['applied', 'superseded', 'withheld', 'failed'] as const;
export type RepairOutcome = (typeof repairOutcomes)[number];

export function isSettlement(action: RepairAction): action is Settlement {
  return settlementKinds.some((kind) => kind === action.kind);
}
