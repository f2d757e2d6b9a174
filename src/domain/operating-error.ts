/**
 * The one error class for what goes wrong in operation (a store is down, configuration is wrong, a lease is lost).
 * The message is for people: what happened, to what, what was not changed, what to do.
 * Programmer errors are plain assertions and never of this class.
 */

export type OperatingErrorCode =
  | 'configuration'
  | 'bad_claim'
  | 'bad_report'
  | 'double_grant'
  | 'not_ready'
  | 'postgres_unreachable'
  | 'redis_unreachable'
  | 'checkpoint_refused'
  | 'lease_held'
  | 'lease_lost'
  | 'fenced_out'
  | 'braked'
  | 'aborted'
  | 'timed_out'
  | 'not_found'
  | 'undelivered';

export class OperatingError extends Error {
  readonly code: OperatingErrorCode;

  constructor(code: OperatingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OperatingError';
    this.code = code;
  }
}
