/** A process under the hand of a test: seen, frozen, ended; and never left behind. */
import { expect, test } from 'vitest';
import { startProcess } from './process-handle.ts';
import { waitFor } from './wait-for.ts';

const script = 'test/support/talking-process.ts';
const env = { GREETING: 'there' };

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('runs TypeScript with arguments and environment, but without that of the test runner', async () => {
  const handle = startProcess(script, { args: ['you'], env });
  expect(await handle.waitForLine(/^hello/)).toBe('hello you there alone');
  handle.write('a word');
  expect(await handle.waitForLine('heard')).toBe('heard a word');
  handle.signal('SIGTERM');
  expect(await handle.waitForEnd()).toEqual({ code: 3, signal: null });
  expect(handle.lines()).toHaveLength(2);
});

test('a frozen process answers only when it is let go on', async () => {
  const handle = startProcess(script, { env });
  await handle.waitForLine('hello');
  handle.signal('SIGSTOP');
  handle.write('while frozen');
  const other = startProcess(script, { env });
  await other.waitForLine('hello');
  expect(handle.output()).not.toContain('heard');
  handle.signal('SIGCONT');
  await handle.waitForLine('heard while frozen');
});

test('kills even a frozen process', async () => {
  const handle = startProcess(script, { env });
  await handle.waitForLine('hello');
  handle.signal('SIGSTOP');
  await handle.kill();
  expect(await handle.waitForEnd()).toEqual({ code: null, signal: 'SIGKILL' });
});

test('says what a process printed that ended before the awaited line', async () => {
  const handle = startProcess('test/support/there-is-none.ts');
  await expect(handle.waitForLine('hello')).rejects.toThrow(
    /ended without a line hello:[^]*Cannot find module/,
  );
});

test('a process does not outlive the one that started it, even if that is killed', async () => {
  const parent = startProcess('test/support/parent-process.ts');
  const pid = Number((await parent.waitForLine(/^child \d+$/)).slice('child '.length));
  expect(isAlive(pid)).toBe(true);
  await parent.kill();
  await waitFor(() => !isAlive(pid), { what: 'the end of the child' });
});
