/**
 * What is said when the process ends by a defect, of the program or of a module of the application.
 * Invariant kept: of what was thrown only the message, masked, and the places of the stack are shown. Errors of clients carry
 * URLs, headers and arguments as properties, and Node would print them all.
 */
import { plainReason } from '../distributor/plain-reason.ts';

export function describeCrash(thrown: unknown): string {
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const places = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return [
    `claim-reconciler ended by a defect, in itself or in a module of the application: ${name}: ${plainReason(thrown)}`,
    ...places,
    'What was under way is taken up by the next start, or by another process. Please report the lines above.',
  ].join('\n');
}
