/**
 * Fixes, once per pass, up to where it may read: a horizon sampled at least one grace period ago. Names whoever holds
 * the horizon still.
 * Invariant kept (6): no claim inside its grace period is read. A stalled horizon is waited for, never skipped.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { raiseAlerts, resolveAlerts } from '../postgres/alert.ts';
import { sampleHorizon, type HorizonReading } from '../postgres/horizon.ts';
import { nameStall } from '../postgres/stall.ts';
import type { SourceContext } from './source-context.ts';

export interface Window {
  /** Transaction id below which rows are read; `0` when no sample is old enough yet. */
  readonly horizon: string;
  /** Since the horizon was sampled, or for how long it has been held still, whichever is longer. */
  readonly horizonAgeMs: number;
  /** For a source that is read by a column of its own: how far along it this pass may go; null when that is not known yet. */
  readonly bound: string | null;
  readonly stalledBy: string | null;
}

/** A sample may be this much older than need be before a run waits for a newer one: beside a daemon none has to wait. */
const sampleSlackMs = 5_000;
/** A horizon that some transaction has held for this long beyond the grace period counts as stalled. */
const stallToleranceMs = 10_000;

/**
 * @param onWait given for one-off runs: told how long they must wait for a sample that is old enough and not older
 *   than it need be, which they then do. Without it (scheduled passes) a window that is not there yet is empty.
 */
export async function fixWindow(
  context: SourceContext,
  signal: AbortSignal,
  onWait?: (waitMs: number) => void,
): Promise<Window> {
  const first = await sample(context);
  const reading = onWait === undefined ? first : await untilSettled(context, first, signal, onWait);
  const stalledBy = await findStall(context, reading);
  const horizonAgeMs = Math.max(reading.settled?.ageMs ?? 0, reading.heldForMs);
  const { horizon, bound } = reading.settled ?? { horizon: '0', bound: null };
  return { horizon, horizonAgeMs, bound, stalledBy };
}

async function sample({ pool, source, sql }: SourceContext): Promise<HorizonReading> {
  return sampleHorizon(pool, source.rules.graceMs, sql);
}

async function untilSettled(
  context: SourceContext,
  first: HorizonReading,
  signal: AbortSignal,
  onWait: (waitMs: number) => void,
): Promise<HorizonReading> {
  let reading = first;
  const { graceMs } = context.source.rules;
  const staleAfterMs = graceMs + Math.max(sampleSlackMs, graceMs / 2);
  while (reading.settled === null || reading.settled.ageMs > staleAfterMs || lacksBound(context, reading)) {
    const waitMs = reading.settled === null ? reading.readyInMs : graceMs;
    onWait(waitMs);
    await wait(waitMs, undefined, { signal });
    reading = await sample(context);
  }
  return reading;
}

/** Transactions that were open at the first sample have to end first. Who is stalled by one is told, and does not wait for it. */
function lacksBound({ sql, source }: SourceContext, { settled, heldForMs }: HorizonReading): boolean {
  if (sql.position === null || settled?.bound !== null) return false;
  return heldForMs <= source.rules.graceMs + stallToleranceMs;
}

async function findStall({ pool, source }: SourceContext, reading: HorizonReading): Promise<string | null> {
  const cause = `${source.name}:stall`;
  if (reading.heldForMs <= source.rules.graceMs + stallToleranceMs) {
    await resolveAlerts(pool, [cause]);
    return null;
  }
  const holder =
    (await nameStall(pool, reading.current)) ?? `transaction ${reading.current}, whose owner is gone by now`;
  const seconds = Math.round(reading.heldForMs / 1000);
  const summary =
    `Reading ${source.name} has stood still for ${seconds} s: no row changed since then can be judged while this goes ` +
    `on: ${holder}`;
  await raiseAlerts(pool, [{ cause, kind: 'stall', source: source.name, severity: 'warning', summary }]);
  return holder;
}
