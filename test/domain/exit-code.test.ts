/**
 * What a command's exit code says: a contract that scripts rely on.
 */
import { describe, expect, it } from 'vitest';
import {
  exitCodeOfError,
  exitCodeOfPass,
  exitCodes,
  gravest,
  type ExitCode,
} from '../../src/domain/exit-code.ts';
import type { OperatingErrorCode } from '../../src/domain/operating-error.ts';

describe('exit codes', () => {
  it('are the numbers that were promised', () => {
    expect(exitCodes).toEqual({
      ok: 0,
      operatingError: 1,
      usage: 2,
      discrepanciesRemain: 3,
      braked: 4,
      leaseHeld: 5,
      checkpointRefused: 6,
    });
  });

  const ofErrors: Record<OperatingErrorCode, ExitCode> = {
    configuration: 2,
    bad_claim: 2,
    bad_report: 2,
    double_grant: 1,
    not_found: 2,
    not_ready: 1,
    postgres_unreachable: 1,
    redis_unreachable: 1,
    checkpoint_refused: 6,
    lease_held: 5,
    lease_lost: 1,
    fenced_out: 1,
    braked: 4,
    aborted: 1,
    timed_out: 1,
    undelivered: 1,
  };
  it.each(Object.entries(ofErrors) as [OperatingErrorCode, ExitCode][])('of %s: %i', (code, exitCode) => {
    expect(exitCodeOfError(code)).toBe(exitCode);
  });

  it.each([
    ['completed', 0, 0],
    ['completed', 1, 3],
    ['braked', 5, 4],
    ['braked', 0, 4],
    ['stopped', 0, 1],
    ['aborted', 5, 1],
  ] as const)('of a pass that ended %s with %i open: %i', (outcome, open, exitCode) => {
    expect(exitCodeOfPass(outcome, open)).toBe(exitCode);
  });

  it('of several results is that of the gravest', () => {
    expect(gravest([])).toBe(0);
    expect(gravest([0, 0])).toBe(0);
    expect(gravest([0, 3])).toBe(3);
    expect(gravest([3, 5])).toBe(5);
    expect(gravest([5, 4, 3])).toBe(4);
    expect(gravest([4, 6])).toBe(6);
    expect(gravest([6, 2])).toBe(2);
    expect(gravest([0, 3, 5, 4, 6, 2, 1])).toBe(1);
  });
});
