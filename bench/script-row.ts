/**
 * A claim as the scripts read it, and what they make of it. Judges only: no store is asked here.
 */

export interface ScriptRow {
  readonly id: string;
  readonly activity_id: number;
  readonly gift_id: string;
  readonly uid: string;
  readonly attempt_id: string;
  readonly status: string;
  readonly expires_at: Date;
}

const toleranceMs = 60_000;

export function keyOf({ activity_id, gift_id, uid }: ScriptRow, prefix: string): string {
  return `${prefix}gift:${activity_id}:${gift_id}:${uid}`;
}

/** True when the marker is as the claim says. `value` and `pttl` as the client gives them. */
export function judge(row: ScriptRow, value: unknown, pttl: unknown): boolean {
  if (row.status !== 'granted') return value !== row.attempt_id;
  const leftMs = row.expires_at.getTime() - Date.now();
  return value === row.attempt_id && Math.abs(Number(pttl) - leftMs) <= toleranceMs;
}
