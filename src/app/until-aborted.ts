/**
 * Waits to be asked to stop.
 */

/** Resolves when `signal` aborts, at once if it has already, with the reason in words. Never rejects. */
export async function untilAborted(signal: AbortSignal): Promise<string> {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  return signal.reason instanceof Error ? signal.reason.message : 'asked to stop';
}
