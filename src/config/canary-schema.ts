/**
 * The section `canary`: whether there is one, how often a fault is injected, how soon it must be repaired; and the source
 * that follows from it, which is judged and repaired like any other.
 * Invariant kept: its source is in mode repair, and names nothing but a table and keys of our own.
 */
import { canaryKey, canaryName, type CanaryRules } from '../domain/canary.ts';
import type { Source } from '../domain/source.ts';
import { parseTemplate } from '../domain/template.ts';
import { defaultPolicy } from '../domain/verdict.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { duration, section } from './fields.ts';
import { isMap, valueAt, type Problem } from './problem.ts';
import { sourceDefaults } from './source-schema.ts';

const weekMs = 7 * 86_400_000;

/** A failure is known within an hour and five minutes; a fault an hour costs nothing. */
const defaults = { everyMs: 3_600_000, withinMs: 300_000 } as const;

/** The least time in which a fault is surely repaired: grace, a sample of the horizon (15 s at most), two slots of 10 s. */
const leastMs = sourceDefaults.graceMs + 15_000 + 2 * 10_000;

export function canarySchema() {
  return section({
    every: duration({ maxMs: weekMs }).default(defaults.everyMs),
    within: duration({ maxMs: weekMs }).default(defaults.withinMs),
  }).optional();
}

/** Null: there is none. */
export function buildCanary(
  input: { readonly every: number; readonly within: number } | undefined,
): CanaryRules | null {
  return input === undefined ? null : { everyMs: input.every, withinMs: input.within };
}

/** What the two durations say about each other, and about how soon anything is judged. */
export function checkCanary(tree: unknown): Problem[] {
  const canary = valueAt(tree, ['canary']);
  if (!isMap(canary)) return [];
  const read = (key: string, otherwise: number): number | null => {
    const value = valueAt(canary, [key]);
    return value === undefined ? otherwise : typeof value === 'string' ? parseDuration(value) : null;
  };
  const [every, within] = [read('every', defaults.everyMs), read('within', defaults.withinMs)];
  if (every === null || within === null) return [];
  if (within <= leastMs) {
    const message =
      `must be longer than ${formatDuration(leastMs)}: the canary’s claims are judged ` +
      `${formatDuration(sourceDefaults.graceMs)} (grace) and a sample of the horizon after they were written, and looked at every 10s`;
    return [{ path: ['canary', 'within'], message, showsValue: true }];
  }
  if (within < every) return [];
  const message = `must be longer than canary.within (${formatDuration(within)}), so that one round ends before the next begins`;
  return [{ path: ['canary', 'every'], message, showsValue: true }];
}

/** Grace and schedule are those of any source, so that it is found as soon as they would be. */
export function buildCanarySource(): Source {
  const attempt = 'attempt_id';
  return {
    name: canaryName,
    table: { schema: 'reconciler', name: 'canary_claim' },
    columns: {
      id: 'id',
      attempt,
      status: 'status',
      change: sourceDefaults.changeColumn,
      expiry: { expiresAt: 'expires_at' },
    },
    marker: { key: parseTemplate(canaryKey(`{${attempt}}`)), value: parseTemplate(`{${attempt}}`) },
    statuses: { pending: [], granted: ['granted'], released: ['released'] },
    rules: {
      mode: 'repair',
      policy: defaultPolicy,
      toleranceMs: sourceDefaults.toleranceMs,
      valueNamesAttempt: true,
      graceMs: sourceDefaults.graceMs,
      // Every claim of it is bad once: a share says nothing.
      brake: { ...sourceDefaults.brake, share: 1 },
      notGranted: 'grant',
    },
    distributor: null,
    schedule: sourceDefaults.schedule,
    rewindMs: sourceDefaults.rewindMs,
  };
}
