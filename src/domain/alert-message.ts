/**
 * What a receiver is told about an alert, and who is told what.
 * Does not say how it gets there: see `src/receiver`.
 */

/** From the least to the gravest. */
export const alertSeverities = ['info', 'warning', 'critical'] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

/** What happened to the alert. That somebody has it in hand is told to nobody. */
export type AlertTransition = 'opened' | 'resolved';

/** Times are ISO 8601 texts by the database's clock. */
export interface AlertMessage {
  /** The same each time this is told to this receiver: it may arrive twice, and by this it is known again. */
  readonly id: string;
  readonly transition: AlertTransition;
  readonly alertId: string;
  /** The same for all alerts with one cause: what opened under it is over when it is resolved. */
  readonly cause: string;
  readonly kind: string;
  readonly source: string;
  readonly severity: AlertSeverity;
  readonly summary: string;
  /** Where it says what to do. */
  readonly runbook: string;
  readonly openedAt: string;
  readonly resolvedAt: string | null;
}

/** A configured place that alerts are told to, beside the log. */
export interface Receiver {
  readonly name: string;
  readonly kind: 'webhook' | 'slack';
  /** A secret: whoever knows that of a chat can write to it. */
  readonly url: string;
  /** What messages are signed with; null: they are not. */
  readonly secret: string | null;
  /** The least that it wants to be told. */
  readonly severity: AlertSeverity;
  /** Whether it may be at an address that is not public. */
  readonly allowPrivate: boolean;
}

/** The severities that are told to whoever wants no less than `least`. */
export function severitiesFrom(least: AlertSeverity): readonly AlertSeverity[] {
  return alertSeverities.slice(alertSeverities.indexOf(least));
}

/** Where the run-book is unless configured otherwise: in the project's own documentation. */
export const defaultRunbook = 'docs/runbook.md';

/** The place in the run-book that is about this kind of alert. */
export function runbookLink(runbook: string, kind: string): string {
  return `${runbook}#${encodeURIComponent(kind)}`;
}
