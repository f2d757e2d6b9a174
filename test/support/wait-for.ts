/**
 * Waiting for a condition instead of for a time: a test is as fast as the machine allows, and a slow machine does not
 * make it fail. What never comes is reported in words.
 */
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Calls `condition` until it returns something truthy, and returns that. A call that throws counts as not yet; its last
 * error is the cause when `timeoutMs` (20 s by default) are over.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { what: string; timeoutMs?: number; intervalMs?: number },
): Promise<NonNullable<T>> {
  const { what, timeoutMs = 20_000, intervalMs = 10 } = options;
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== null && value !== undefined && value !== false && value !== 0 && value !== '')
        return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}`, { cause });
    }
    await pause(intervalMs);
  }
}
