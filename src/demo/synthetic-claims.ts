/**
 * Made-up gift claims for a demo without a file.
 */

export interface DemoClaim {
  readonly activityId: number;
  readonly giftId: string;
  readonly uid: string;
  readonly status: 'granted' | 'failed';
}

/** Every user claims one of ten gifts; one in twenty-five tries a second time, which is refused. */
export function makeClaims(count: number): DemoClaim[] {
  return Array.from({ length: count }, (_, at): DemoClaim => {
    const again = at > 0 && at % 25 === 0;
    const user = again ? at - 1 : at;
    return {
      activityId: 7,
      giftId: String(user % 10),
      uid: String(100_000 + user),
      status: again ? 'failed' : 'granted',
    };
  });
}
