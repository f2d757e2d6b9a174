/**
 * The commands that look and change nothing but what a person has in hand: `status`, `explain`, `alerts`.
 */
import type { Command } from 'commander';
import { runAcknowledge, runAlerts, type AlertsOptions } from './commands/alerts.ts';
import { runExplain, type ExplainOptions } from './commands/explain.ts';
import { runStatus, type StatusOptions } from './commands/status.ts';
import { common, examples, type Action } from './every-command.ts';
import type { CommonOptions } from './run-command.ts';

export function addLookCommands(program: Command, action: Action): void {
  examples(common(program.command('status')), [
    'claim-reconciler status',
    'claim-reconciler status --watch            (until Ctrl-C)',
    'claim-reconciler status --json | jq .alerts',
  ])
    .description(
      'show the state of all sources on one screen; exits 3 while discrepancies are open, 4 while a brake is tripped',
    )
    .option('--watch', 'look again every 2 seconds, until Ctrl-C')
    .action((options: StatusOptions) => action(runStatus)(options));
  addExplain(program, action);
  addAlerts(program, action);
}

function addExplain(program: Command, action: Action): void {
  const explain = examples(program.command('explain'), [
    'claim-reconciler explain claim 4711 --source gifts',
    'claim-reconciler explain marker gift:7:100180 --source gifts --ask',
  ]).description(
    'tell all that is known of one claim or marker: verdict and why, what would be done, history',
  );
  const options = (command: Command): Command =>
    common(command)
      .requiredOption('--source <name>', 'the source')
      .option('--ask', 'ask the distributor, too, where it matters (changes nothing)');
  examples(options(explain.command('claim <id>')), [
    'claim-reconciler explain claim 4711 --source gifts',
    "claim-reconciler explain claim 4711 --source gifts --json | jq '.cases[0].verdict'",
  ])
    .description('explain the claim with this id; exits 0 if it is consistent, 3 if not, 2 if there is none')
    .action((id: string, rest: ExplainOptions) =>
      action(async (given: ExplainOptions, io) => runExplain({ kind: 'claim', id }, given, io))(rest),
    );
  examples(options(explain.command('marker <key>')), [
    'claim-reconciler explain marker gift:7:100180 --source gifts',
  ])
    .description(
      'explain a marker and the claims on it; exits 0 if all is consistent, 3 if not, 2 if there is none',
    )
    .action((key: string, rest: ExplainOptions) =>
      action(async (given: ExplainOptions, io) => runExplain({ kind: 'marker', key }, given, io))(rest),
    );
}

function addAlerts(program: Command, action: Action): void {
  const alerts = examples(common(program.command('alerts').enablePositionalOptions()), [
    'claim-reconciler alerts',
    'claim-reconciler alerts --all --source gifts',
    'claim-reconciler alerts acknowledge 12',
  ])
    .description('list open alerts with what to do about each; exits 3 if any is open')
    .option('--all', 'also those that are over')
    .option('--source <name>', 'only of this source')
    .action((options: AlertsOptions) => action(runAlerts)(options));
  examples(common(alerts.command('acknowledge <id>')), ['claim-reconciler alerts acknowledge 12'])
    .description('say that a person has an alert in hand; it stays until its cause ends')
    .action((id: string, _: CommonOptions, command: Command) =>
      action(async (given: CommonOptions, io) => runAcknowledge(id, given, io))(command.optsWithGlobals()),
    );
}
