/**
 * The sentences that the program logs: a counted summary per pass at info, silence when nothing happened, trouble at
 * warn and error. Those of the schedule are in `schedule/schedule-event.ts`, those about HTTP requests beside the routes.
 * Values that could be secrets never get here.
 */
import type { ToldOf } from '../../jobs/deliver-alert.ts';
import type { OperatingError } from '../domain/operating-error.ts';
import type { PassReport } from '../reconcile/pass-report.ts';
import { nameByHand, type ByHandPayload } from '../schedule/by-hand-payload.ts';
import { describeScheduleEvent, type ScheduleEvent } from '../schedule/schedule-event.ts';
import type { Logger } from './log.ts';

export interface Sentences {
  started(url: string, sources: readonly string[]): void;
  waiting(error: Error): void;
  passEnded(report: PassReport): void;
  passFailed(source: string, error: Error): void;
  /** @param error what kept it from being done; null when it was */
  doneByHand(asked: ByHandPayload, error: Error | null): void;
  alertRaised(alert: { readonly severity: string; readonly summary: string }): void;
  alertTold(told: ToldOf): void;
  alertNotTold(told: ToldOf, error: string, nextInMs: number): void;
  alertGivenUp(told: ToldOf, error: string): void;
  trouble(where: string, error: Error): void;
  schedule(event: ScheduleEvent): void;
  housekept(rows: number): void;
  stopping(reason: string): void;
  stopped(): void;
}

export function sentencesOf(log: Logger): Sentences {
  return {
    started: (url, sources) =>
      log.info({ url, sources }, `claim-reconciler watches ${sources.join(', ')}; dashboard at ${url}`),
    waiting: (error) => log.warn(describe(error), `waiting: ${error.message}`),
    passEnded: (report) => logPass(log, report),
    passFailed: (source, error) =>
      log.error({ source, ...describe(error) }, `pass over ${source} failed: ${error.message}`),
    doneByHand: (asked, error) => {
      const words = `${asked.by} asked: ${nameByHand(asked)}`;
      if (error === null) log.info({ by: asked.by }, words);
      else log.warn({ by: asked.by, ...describe(error) }, `${words}; it was not done: ${error.message}`);
    },
    alertRaised: ({ severity, summary }) =>
      log[severity === 'critical' ? 'error' : 'warn']({ severity }, `alert: ${summary}`),
    alertTold: (told) => log.info(namesOf(told), `told ${told.receiver} that ${deliveryOf(told)}`),
    // Once: the tries after it are at growing distance for a day, and stand in the queue.
    alertNotTold: (told, error, nextInMs) =>
      log[told.attempts === 1 ? 'warn' : 'debug'](
        namesOf(told),
        `could not tell ${told.receiver} that ${deliveryOf(told)}: ${error}; next try in ${Math.ceil(nextInMs / 1000)} s`,
      ),
    alertGivenUp: (told, error) =>
      log.error(
        namesOf(told),
        `gave up telling ${told.receiver} that ${deliveryOf(told)}, after ${told.attempts} tries; the last: ${error}. ` +
          'The alert itself is on record: claim-reconciler status',
      ),
    trouble: (where, error) => log.warn({ where, ...describe(error) }, `${where}: ${error.message}`),
    schedule: (event) => {
      const { level, text } = describeScheduleEvent(event);
      log[level](text);
    },
    housekept: (rows) => log.debug({ rows }, `dropped ${rows} old records`),
    stopping: (reason) => log.info(`stopping: ${reason}`),
    stopped: () => log.info('stopped'),
  };
}

/** Who was to be told of what, for the log's fields. */
function namesOf({ receiver, alertId, attempts }: ToldOf): object {
  return { receiver, alertId, attempts };
}

function deliveryOf({ alertId, kind, source, transition }: ToldOf): string {
  return `alert ${alertId} (${kind} of ${source}) ${transition === 'opened' ? 'is open' : 'is over'}`;
}

function logPass(log: Logger, report: PassReport): void {
  const { source, passId, outcome, checked, open, durationMs, brake } = report;
  const bad = checked - report.verdicts.consistent;
  const { applied, failed, withheld, superseded } = report.repairs;
  const fields = {
    source,
    passId,
    outcome,
    checked,
    bad,
    applied,
    superseded,
    withheld,
    failed,
    open,
    brake,
    durationMs,
  };
  const quiet = checked === 0 && applied + failed + withheld + superseded === 0;
  const sentence =
    `${source}: judged ${checked}, ${bad} bad; repairs ${applied} applied, ${superseded} superseded, ${withheld} withheld, ` +
    `${failed} failed; ${open} open`;
  if (outcome !== 'completed')
    log.warn(fields, `${sentence}; ${outcome}: ${report.reason ?? 'no reason given'}`);
  else log[quiet ? 'debug' : 'info'](fields, sentence);
}

/** Type, code and message only: errors of the drivers carry arguments, and with them secrets. */
function describe(error: Error): { readonly error: string; readonly code?: string } {
  const code = isOperating(error) ? { code: error.code } : {};
  return { error: error.name, ...code };
}

function isOperating(error: Error): error is OperatingError {
  return error.name === 'OperatingError';
}
