/** Waiting ends with what was waited for, or with words and the reason. */
import { expect, test } from 'vitest';
import { waitFor } from './wait-for.ts';

test('returns what the condition returned, although it failed at first', async () => {
  let calls = 0;
  const condition = (): string | null => {
    calls += 1;
    if (calls === 1) throw new Error('not there yet');
    return calls === 2 ? null : 'there';
  };
  expect(await waitFor(condition, { what: 'it' })).toBe('there');
});

test('says what it waited for in vain, and why the last try failed', async () => {
  const waiting = waitFor(() => Promise.reject(new Error('refused')), { what: 'the server', timeoutMs: 30 });
  await expect(waiting).rejects.toMatchObject({
    message: 'Waited 30 ms in vain for: the server',
    cause: { message: 'refused' },
  });
});
