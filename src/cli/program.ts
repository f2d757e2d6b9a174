/**
 * The command line: commands, options, help. What each does is in `commands/`.
 * Invariant kept: a usage error exits 2 and changes nothing.
 */
import { Command, CommanderError } from 'commander';
import { exitCodes, type ExitCode } from '../domain/exit-code.ts';
import { runAdopt } from './commands/adopt.ts';
import { runCheck } from './commands/check.ts';
import { runDemoCommand } from './commands/demo.ts';
import { runMigrate } from './commands/migrate.ts';
import { runReconcile } from './commands/reconcile.ts';
import { runReport } from './commands/report.ts';
import { runResume } from './commands/resume.ts';
import { runRewind } from './commands/rewind.ts';
import { runStart } from './commands/start.ts';
import { runUndo } from './commands/undo.ts';
import { addCompletion } from './completion-command.ts';
import { common, examples, type Action } from './every-command.ts';
import type { CommandIo } from './io.ts';
import { addLookCommands } from './look-commands.ts';
import { addRepairCommands } from './repair-commands.ts';

/** Runs the command that `args` (without node and script) name. Never exits the process. */
export async function runProgram(args: readonly string[], io: CommandIo, version: string): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  const program = createProgram(io, version, (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  return code;
}

/** All commands, ready to be parsed. `ended` is told how the one that was run ended. */
export function createProgram(io: CommandIo, version: string, ended: (code: ExitCode) => void): Command {
  const action: Action = (run) => async (options) => {
    ended(await run(options, io));
  };
  const program = new Command('claim-reconciler')
    .description(
      'Finds and repairs disagreement between Postgres claim rows and the Redis markers that guard them.',
    )
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
    })
    .showSuggestionAfterError()
    // What is written behind a subcommand is its own, also where the command above it knows the same option.
    .enablePositionalOptions()
    .addHelpText('after', helpAfter);
  addDaemonCommands(program, action);
  addLookCommands(program, action);
  addPersonCommands(program, action);
  addRepairCommands(program, action);
  addCompletion(program, io);
  return program;
}

function addDaemonCommands(program: Command, action: Action): void {
  common(program.command('demo'))
    .description('boot servers, fill a claim table, inject drift, watch it being found and repaired')
    .option('--once', 'exit when the table balances, also on a terminal')
    .option('--claims <file>', 'real coupon claims, as CSV or CSV.gz (User_id,Merchant_id,Coupon_id,…)')
    .option(
      '--through-gate',
      'play the claims through the gate, with crashes and other faults, while the daemon runs',
    )
    .option('--seed <number>', 'seed of what goes wrong', '42')
    .action(action(runDemoCommand));
  common(program.command('start'))
    .description('run the daemon until it is asked to stop')
    .action(action(runStart));
  examples(common(program.command('adopt')), [
    'claim-reconciler adopt --table gift_claim --key gift:7:2:100180        (DATABASE_URL, REDIS_URL)',
    'claim-reconciler adopt --table gift_claim --key gift:7:2:100180 --config-out gifts.yaml --sql-out gifts.sql',
  ])
    .description(
      'propose configuration and migration for a claim table that is there already, however large; changes nothing',
    )
    .requiredOption('--table <name>', 'the table, as table or schema.table')
    .option('--key <key...>', 'the keys of markers as they are in Redis, of claims that were just made')
    .option('--source <name>', 'what to call the source (default: as the table)')
    .option('--config-out <file>', 'write the configuration into a new file')
    .option('--sql-out <file>', 'write the migration into a new file, for psql')
    .option('--no-alter', 'leave the table as it is: it is read by a column of its own, which sees less')
    .action(action(runAdopt));
  common(program.command('check'))
    .description('check configuration, tables, privileges and stores; exits 2 with all problems together')
    .action(action(runCheck));
  common(program.command('migrate'))
    .description('bring the schema reconciler up to date')
    .action(action(runMigrate));
}

function addPersonCommands(program: Command, action: Action): void {
  examples(common(program.command('reconcile')), [
    'claim-reconciler reconcile --source gifts --json',
    'claim-reconciler reconcile --source gifts --from beginning --report-out drift.csv',
  ])
    .description('run one pass now, over one source or all')
    .option('--source <name>', 'only this source (default: all)')
    .option('--force', 'repair even where the brake would stop it')
    .option(
      '--from <point>',
      'read again from there: beginning, how long ago (7d), or a time (2026-11-21T08:00Z)',
    )
    .option(
      '--report-out <file>',
      'write all that is open then into a new file: .txt, .json, or .csv with a line for each',
    )
    .action(action(runReconcile));
  common(program.command('undo'))
    .description('restore what a repair, or all repairs of a pass, had changed')
    .option('--repair <number>', 'the repair to undo')
    .option('--pass <number>', 'or the pass, with all its repairs')
    .option('--force', 'undo even where the brake would stop it')
    .action(action(runUndo));
  common(program.command('rewind'))
    .description('move a checkpoint back, so that claims are read again')
    .requiredOption('--source <name>', 'the source')
    .option('--by <duration>', 'how far back, such as 2h')
    .option('--to <place>', 'or "beginning": read everything again')
    .action(action(runRewind));
  common(program.command('report'))
    .description('tell of a marker that an application could not give back; exits 3 if it is wrong')
    .requiredOption('--source <name>', 'the source')
    .requiredOption('--marker <key>', "the marker's key")
    .requiredOption('--attempt <id>', 'the attempt that took it')
    .requiredOption('--reason <text>', 'why it could not be given back')
    .action(action(runReport));
  common(program.command('resume'))
    .description('let repairs go on after the brake stopped them')
    .requiredOption('--source <name>', 'the source')
    .option('--for <duration>', 'how long there are no limits', '1h')
    .action(action(runResume));
}

const helpAfter = `
Exit codes: 0 consistent or all repaired, 1 operating error, 2 usage or configuration, 3 discrepancies remain,
4 the brake stopped it, 5 another holder has the lease, 6 checkpoint refused.

Examples:
  claim-reconciler check
  claim-reconciler reconcile --source gifts --json
  claim-reconciler explain claim 4711 --source gifts           (what is wrong, and why)
  claim-reconciler repair claim 4711 --source gifts            (prints the plan)
  claim-reconciler repair claim 4711 --source gifts --apply
  claim-reconciler undo --repair 12`;
