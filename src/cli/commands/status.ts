/**
 * `status`: the state of all sources on one screen.
 */
import { exitCodes, type ExitCode } from '../../domain/exit-code.ts';
import { readOverview, type Overview, type SourceOverview } from '../../postgres/overview.ts';
import { duration } from '../../reconcile/describe-plan.ts';
import type { CommandIo } from '../io.ts';
import { printable, table } from '../../app/text-table.ts';
import { requireStores, runCommand, type CommonOptions } from '../run-command.ts';

/** Exit code 3 while discrepancies are open, 4 while a brake is tripped. */
export async function runStatus(options: CommonOptions, io: CommandIo): Promise<ExitCode> {
  return runCommand(options, io, async ({ config, deps }) => {
    await requireStores(deps);
    const overview = await readOverview(deps.pool, config.sources);
    if (options.json === true) io.out(JSON.stringify(overview));
    else for (const line of describeOverview(overview)) io.out(line);
    if (overview.sources.some(({ brake }) => brake.state === 'tripped')) return exitCodes.braked;
    return overview.sources.some(({ open }) => open > 0) ? exitCodes.discrepanciesRemain : exitCodes.ok;
  });
}

function describeOverview(overview: Overview): string[] {
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
  ];
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
