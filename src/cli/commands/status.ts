/**
 * `status`: the state of all sources on one screen, once or again and again.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { readDeliveryTroubles, type DeliveryTrouble } from '../../postgres/alert-delivery.ts';
import { assertMigrated } from '../../postgres/migrate.ts';
import { readOverview, type Overview, type SourceOverview } from '../../postgres/overview.ts';
import { duration } from '../../reconcile/describe-plan.ts';
import type { CommandIo } from '../io.ts';
import { printable, table } from '../../app/text-table.ts';
import { reportError, runCommand, type CommonOptions } from '../run-command.ts';

export interface StatusOptions extends CommonOptions {
  readonly watch?: boolean;
}

const watchEveryMs = 2_000;
/** Cursor home, and the rest of each line and of the screen cleared: redrawn in place, without a flicker. */
const redraw = { home: '\u001b[H', restOfLine: '\u001b[K', restOfScreen: '\u001b[J' };

/** Exit code 3 while discrepancies are open, 4 while a brake is tripped; of the last look when watching. */
export async function runStatus(options: StatusOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ config, deps }) => {
    await assertMigrated(deps.pool);
    const receivers = config.alerts.receivers.map(({ name }) => name);
    const look = async (): Promise<ExitCode> => {
      const overview = await readOverview(deps.pool, config.sources);
      const deliveries = await readDeliveryTroubles(deps.pool, receivers);
      return show({ ...overview, deliveries }, options, io);
    };
    let code = await look();
    while (options.watch === true && (await waited(io.signal))) {
      // A store that is away for a while is what one watches for.
      code = await look().catch((error: unknown) => reportError(error, io, options.json === true));
    }
    return code;
  });
}

/** False when a person ended it. */
async function waited(signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  return wait(watchEveryMs, true, { signal }).catch(() => false);
}

/** `deliveries`: receivers that do not take what they are told. */
type Status = Overview & { readonly deliveries: readonly DeliveryTrouble[] };

function show(overview: Status, { json = false, watch = false }: StatusOptions, io: CommandIo): ExitCode {
  const lines = json ? [JSON.stringify(overview)] : describeOverview(overview);
  const isRedrawn = watch && io.isTerminal && !json;
  if (isRedrawn) {
    const head = `claim-reconciler status, ${overview.readAt} (Ctrl-C ends)`;
    const screen = [head, '', ...lines].map((line) => `${line}${redraw.restOfLine}`).join('\n');
    io.out(`${redraw.home}${screen}${redraw.restOfScreen}`);
  } else {
    for (const line of lines) io.out(line);
    if (watch && !json) io.out('');
  }
  return exitCodeOf(overview);
}

function exitCodeOf({ sources }: Overview): ExitCode {
  if (sources.some(({ brake }) => brake.state === 'tripped')) return exitCodes.braked;
  return sources.some(({ open }) => open > 0) ? exitCodes.discrepanciesRemain : exitCodes.ok;
}

function describeOverview(overview: Status): string[] {
  const head = ['source', 'mode', 'checkpoint', 'horizon', 'open', 'brake', 'last pass'];
  const rows = overview.sources.map((source) => [
    source.name,
    source.mode,
    source.checkpoint === null ? 'none yet' : `${duration(source.checkpoint.ageMs)} ago`,
    source.horizon === null ? 'none yet' : duration(source.horizon.ageMs),
    `${source.open}${source.openIsCapped ? '+' : ''}`,
    source.brake.state,
    lastPass(source),
  ]);
  return [
    ...table(head, rows),
    ...overview.sources.flatMap(troublesOf),
    ...overview.alerts.map((alert) =>
      printable(`alert ${alert.id} (${alert.severity}, ${alert.state}): ${alert.summary}`),
    ),
    ...overview.deliveries.map(describeDeliveries),
  ];
}

function describeDeliveries({ receiver, waiting, gaveUp, lastError, nextTryAt }: DeliveryTrouble): string {
  const counts = [
    ...(waiting === 0 ? [] : [`${waiting} wait, the next try is at ${nextTryAt ?? '?'}`]),
    ...(gaveUp === 0 ? [] : [`${gaveUp} given up in the last 7 days`]),
  ];
  return printable(
    `receiver ${receiver} does not take alerts: ${counts.join('; ')}; the last: ${lastError ?? '?'}`,
  );
}

function lastPass({ passes }: SourceOverview): string {
  const [last] = passes;
  if (last === undefined) return 'none yet';
  return `${last.id} ${last.outcome ?? 'running'}, judged ${last.checked ?? 0}`;
}

function troublesOf(source: SourceOverview): string[] {
  const found = Object.entries(source.openByVerdict).map(([verdict, count]) => `${count} ${verdict}`);
  return [
    ...(found.length === 0 ? [] : [`${source.name}: open: ${found.join(', ')}`]),
    ...(source.brake.state === 'armed'
      ? []
      : [printable(`${source.name}: brake ${source.brake.state}: ${source.brake.reason ?? ''}`)]),
    ...(source.horizon?.stalledBy == null
      ? []
      : [printable(`${source.name}: reading stands still: ${source.horizon.stalledBy}`)]),
    ...(source.unfinishedCount === 0
      ? []
      : [`${source.name}: ${source.unfinishedCount} repairs begun and not ended`]),
  ];
}
