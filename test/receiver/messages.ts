/**
 * Messages and receivers for the tests.
 */
import type { AlertMessage, Receiver } from '../../src/domain/alert-message.ts';

export function messageOf(changes: Partial<AlertMessage> = {}): AlertMessage {
  return {
    id: 'b3b6c1de-0000-4000-8000-000000000001',
    transition: 'opened',
    alertId: '17',
    cause: 'gifts:in_doubt',
    kind: 'in_doubt',
    source: 'gifts',
    severity: 'warning',
    summary: '3 claims of gifts are in doubt.',
    runbook: 'https://wiki.example/claims#in_doubt',
    openedAt: '2026-03-01T12:00:00.000Z',
    resolvedAt: null,
    ...changes,
  };
}

export function receiverAt(url: string, changes: Partial<Receiver> = {}): Receiver {
  return {
    name: 'oncall',
    kind: 'webhook',
    url,
    secret: null,
    severity: 'warning',
    allowPrivate: true,
    ...changes,
  };
}
