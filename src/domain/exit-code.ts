/**
 * What a command's exit code says. A contract: scripts rely on these numbers.
 */
import type { OperatingErrorCode } from './operating-error.ts';

export const exitCodes = {
  /** Consistent, or everything was repaired. */
  ok: 0,
  operatingError: 1,
  usage: 2,
  discrepanciesRemain: 3,
  braked: 4,
  leaseHeld: 5,
  checkpointRefused: 6,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export function exitCodeOfError(code: OperatingErrorCode): ExitCode {
  switch (code) {
    case 'configuration':
    case 'bad_claim':
    case 'bad_report':
    case 'not_found':
      return exitCodes.usage;
    case 'checkpoint_refused':
      return exitCodes.checkpointRefused;
    case 'lease_held':
      return exitCodes.leaseHeld;
    case 'braked':
      return exitCodes.braked;
    case 'double_grant':
    case 'not_ready':
    case 'postgres_unreachable':
    case 'redis_unreachable':
    case 'lease_lost':
    case 'fenced_out':
    case 'aborted':
    case 'timed_out':
    case 'undelivered':
      return exitCodes.operatingError;
  }
}

/** @param outcome how the pass ended @param open discrepancies open after it */
export function exitCodeOfPass(outcome: string, open: number): ExitCode {
  if (outcome === 'braked') return exitCodes.braked;
  if (outcome !== 'completed') return exitCodes.operatingError;
  return open > 0 ? exitCodes.discrepanciesRemain : exitCodes.ok;
}

/** The one code for several results: the gravest. */
export function gravest(codes: readonly ExitCode[]): ExitCode {
  const order: readonly ExitCode[] = [1, 2, 6, 4, 5, 3, 0];
  return order.find((code) => codes.includes(code)) ?? exitCodes.ok;
}
