/**
 * `alerts`: what people are to know of, and `alerts acknowledge`: a person has it in hand.
 */
import { runbookLink } from '../../domain/alert-message.ts';
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { OperatingError } from '../../domain/operating-error.ts';
import { acknowledgeAlert } from '../../postgres/alert.ts';
import { alertsMax, listAlerts, type ListedAlert } from '../../postgres/alert-list.ts';
import { assertMigrated } from '../../postgres/migrate.ts';
import { duration } from '../../reconcile/describe-plan.ts';
import { findSource } from '../../reconcile/under-term.ts';
import { printable, table } from '../../app/text-table.ts';
import type { CommandIo } from '../io.ts';
import { runCommand, type CommonOptions } from '../run-command.ts';

export interface AlertsOptions extends CommonOptions {
  readonly source?: string;
  readonly all?: boolean;
}

/** Exit code 3 if any is open; what somebody has in hand is not. Redis need not answer. */
export async function runAlerts(options: AlertsOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ config, deps }) => {
    const { source = null, all = false } = options;
    if (source !== null) findSource(config.sources, source);
    await assertMigrated(deps.pool);
    const alerts = (await listAlerts(deps.pool, { source, all })).map((alert) => ({
      ...alert,
      runbook: runbookLink(config.alerts.runbook, alert.kind),
    }));
    if (options.json === true) io.out(JSON.stringify({ alerts }));
    else for (const line of describe(alerts)) io.out(line);
    return alerts.some(({ state }) => state === 'open') ? exitCodes.discrepanciesRemain : exitCodes.ok;
  });
}

/** Exit code 0 also for one that is not open: somebody was faster, or it is over. */
export async function runAcknowledge(id: string, options: CommonOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ deps }) => {
    await assertMigrated(deps.pool);
    const outcome = await acknowledgeAlert(deps.pool, id, io.person);
    if (outcome === 'not_found') {
      throw new OperatingError(
        'not_found',
        `There is no alert ${id}; nothing was changed. See: claim-reconciler alerts`,
      );
    }
    const words = {
      acknowledged: `Alert ${id} is acknowledged by ${io.person}. It stays on the list until its cause ends.`,
      not_open: `Alert ${id} is not open: somebody has it in hand already, or it is over. Nothing was changed.`,
    };
    if (options.json === true) io.out(JSON.stringify({ id, outcome }));
    else io.out(printable(words[outcome]));
    return exitCodes.ok;
  });
}

function describe(alerts: readonly (ListedAlert & { readonly runbook: string })[]): string[] {
  if (alerts.length === 0) return ['No alert is open.'];
  const rows = alerts.map((alert) => [
    alert.id,
    alert.severity,
    alert.state === 'acknowledged' ? `taken by ${alert.acknowledgedBy ?? 'somebody'}` : alert.state,
    `${duration(alert.ageMs)} ago`,
    `${alert.seen}`,
    alert.source,
    alert.runbook,
  ]);
  return [
    ...table(['alert', 'severity', 'state', 'since', 'seen', 'source', 'what to do'], rows),
    '',
    ...alerts.map(({ id, summary }) => printable(`${id}: ${summary}`)),
    ...(alerts.length < alertsMax ? [] : [`(the gravest ${alertsMax})`]),
  ];
}
