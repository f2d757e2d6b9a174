/**
 * The one error class for what goes wrong in operation.
 */
import { expect, it } from 'vitest';
import { OperatingError } from '../../src/domain/operating-error.ts';

it('an operating error keeps its code, its message and its cause', () => {
  const cause = new Error('ECONNREFUSED');
  const error = new OperatingError('redis_unreachable', 'The marker Redis does not answer.', { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'OperatingError', code: 'redis_unreachable', cause });
  expect(String(error)).toBe('OperatingError: The marker Redis does not answer.');
});

it('an operating error needs no cause', () => {
  expect(new OperatingError('aborted', 'Asked to stop.').cause).toBeUndefined();
});
