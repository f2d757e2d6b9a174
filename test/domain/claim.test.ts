/**
 * The statuses that a claim can have, and the marker it has.
 */
import { expect, it } from 'vitest';
import { claimStatuses, deletedClaim, markerKeyOf } from '../../src/domain/claim.ts';
import { claimOf, noRow, openClaim, unreadableClaim } from './observations.ts';

it('a claim is pending, granted or released, and their first letters differ, since the hot path tells them by those', () => {
  expect(claimStatuses).toEqual(['pending', 'granted', 'released']);
  expect(new Set(claimStatuses.map((status) => status.charAt(0))).size).toBe(claimStatuses.length);
});

it("a claim's marker is known from its row, or from the entry of the one that was never written", () => {
  expect(markerKeyOf(claimOf('granted'))).toBe('gift:1:7');
  expect(markerKeyOf(unreadableClaim)).toBe('gift:1:7');
  expect(markerKeyOf(noRow)).toBe(openClaim.markerKey);
  expect(markerKeyOf(deletedClaim)).toBeNull();
});
