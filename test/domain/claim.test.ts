/**
 * The statuses that a claim can have.
 */
import { expect, it } from 'vitest';
import { claimStatuses } from '../../src/domain/claim.ts';

it('a claim is pending, granted or released, and their first letters differ, since the hot path tells them by those', () => {
  expect(claimStatuses).toEqual(['pending', 'granted', 'released']);
  expect(new Set(claimStatuses.map((status) => status.charAt(0))).size).toBe(claimStatuses.length);
});
