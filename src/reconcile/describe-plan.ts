/**
 * A plan in words, for the person who must decide whether to carry it out.
 */
import { markerKeyOf } from '../domain/claim.ts';
import type { MarkerReading } from '../domain/marker.ts';
import type { Decision } from '../domain/decide.ts';
import type { RepairAction } from '../domain/repair-action.ts';
import type { Plan, PlannedCase } from './plan-repairs.ts';

export interface PlanLine {
  /** Null: a marker without a row. */
  readonly claimId: string | null;
  readonly markerKey: string | null;
  readonly verdict: string;
  readonly marker: string;
  /** What would be done: a change, or why there is none. */
  readonly would: string;
  readonly repairs: boolean;
}

export function describePlan(plan: Plan): PlanLine[] {
  return [...plan.repairs, ...plan.others].map(describeCase);
}

function describeCase({ discrepancy, look, verdict, decision }: PlannedCase): PlanLine {
  return {
    claimId: discrepancy.claimId,
    markerKey: markerKeyOf(look.claim),
    verdict,
    marker: describeMarker(look.marker),
    would: describeDecision(decision),
    repairs: decision.kind === 'repair',
  };
}

/** As an order: `delete the marker, if unchanged`. */
export function describeDecision(decision: Decision): string {
  switch (decision.kind) {
    case 'repair':
      return describeAction(decision.action);
    case 'alert':
      return `tell people: ${decision.cause}`;
    case 'recheck':
      return `look again later: ${decision.why}`;
    case 'ignore':
      return 'nothing: ignored by policy, or the marker is that of another live claim';
  }
}

function describeAction(action: RepairAction): string {
  switch (action.kind) {
    case 'reissue_marker':
      return `set ${action.value} for ${duration(action.expiresInMs)}, if still absent`;
    case 'delete_marker':
      return 'delete the marker, if unchanged';
    case 'set_expiry':
      return `let it expire in ${duration(action.expiresInMs)}, if unchanged`;
    case 'settle_granted':
      return 'settle the claim as granted, as the distributor says, and make its marker right';
    case 'settle_released':
      return 'settle the claim as released, as the distributor says, and delete its marker';
    case 'grant_again':
      return 'ask the distributor to grant, under the same key, and settle the claim by its answer';
    case 'write_claim':
      return 'write the row of the claim, which the distributor says was granted';
    case 'replace_marker':
      return `replace it with ${action.value} for ${duration(action.expiresInMs)}, if unchanged`;
  }
}

export function describeMarker(marker: MarkerReading): string {
  switch (marker.kind) {
    case 'absent':
      return 'absent';
    case 'present':
      return marker.expiresInMs === null
        ? `${marker.value}, no expiry`
        : `${marker.value}, expires in ${duration(marker.expiresInMs)}`;
    case 'undecodable':
    case 'unread':
      return marker.reason;
  }
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** The two largest units, such as `29 d 23 h`; milliseconds below a second. */
export function duration(ms: number): string {
  const first = units.findIndex(([, unitMs]) => ms >= unitMs);
  if (first === -1) return `${Math.round(ms)} ms`;
  let rest = ms;
  const parts: string[] = [];
  for (const [name, unitMs] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
}
