/**
 * The command `repair` and what it is made of: a range, a claim, a marker, or a plan that was reviewed.
 * Invariant kept: without --apply nothing is changed.
 */
import type { Command } from 'commander';
import { didYouMean } from '../domain/nearest-name.ts';
import { runRepair, type RepairOptions } from './commands/repair.ts';
import { runReviewed, type ReviewedOptions } from './commands/repair-reviewed.ts';
import { common, examples, type Action } from './every-command.ts';

type Target = Parameters<typeof runRepair>[0];

export function addRepairCommands(program: Command, action: Action): void {
  const repair = addRepair(program, action);
  // Also with what stands before the target: `repair --apply claim 7` means what it says.
  const run = (target: Target, command: Command): Promise<void> => {
    const options: RepairOptions & Partial<ReviewedOptions> = command.optsWithGlobals();
    if (options.plan !== undefined)
      repair.error('error: --plan names all that is to be repaired', { exitCode: 2 });
    return action(async (given: RepairOptions, io) => runRepair(target, given, io))(options);
  };
  const options = (command: Command): Command =>
    common(command)
      .requiredOption('--source <name>', 'the source')
      .option('--apply', 'carry the plan out (without it nothing is changed)')
      .option('--plan-out <file>', 'write the plan into a new file, to be reviewed and applied later')
      .option('--force', 'repair even where the brake would stop it');
  examples(options(repair.command('range')), [
    'claim-reconciler repair range --source gifts --from 4000 --to 4999',
    'claim-reconciler repair range --source gifts --from 4000 --to 4999 --plan-out plan.json',
  ])
    .description('plan or repair all claims whose id lies between two ids')
    .requiredOption('--from <id>', 'the first id')
    .requiredOption('--to <id>', 'the last id, included')
    .action(({ from, to }: { from: string; to: string }, command: Command) =>
      run({ kind: 'range', fromId: from, toId: to }, command),
    );
  examples(options(repair.command('claim <id>')), [
    'claim-reconciler repair claim 4711 --source gifts            (prints the plan)',
    'claim-reconciler repair claim 4711 --source gifts --apply',
  ])
    .description('plan or repair one claim')
    .action((id: string, _: RepairOptions, command: Command) => run({ kind: 'claim', id }, command));
  examples(options(repair.command('marker <key>')), [
    'claim-reconciler repair marker gift:7:100180 --source gifts',
  ])
    .description('plan or repair the claims on one marker, and the marker itself where it has no row')
    .action((key: string, _: RepairOptions, command: Command) => run({ kind: 'marker', key }, command));
}

/** `repair --plan FILE` itself. */
function addRepair(program: Command, action: Action): Command {
  const repair = common(program.command('repair').enablePositionalOptions())
    .description('plan repairs by hand, and carry them out with --apply')
    .argument('[target]')
    .usage('[options] [range|claim|marker]')
    .option('--plan <file>', 'a plan that was written with --plan-out; what has changed since is skipped')
    .option('--apply', 'carry it out (without it nothing is changed: what still stands is printed)')
    .option('--force', 'repair even where the brake would stop it')
    .addHelpText(
      'after',
      '\nWithout --apply nothing is changed: the plan that would be carried out is printed.',
    );
  return examples(repair, [
    'claim-reconciler repair claim 4711 --source gifts',
    'claim-reconciler repair range --source gifts --from 1 --to 9999 --plan-out plan.json',
    'claim-reconciler repair --plan plan.json                     (what still stands)',
    'claim-reconciler repair --plan plan.json --apply',
  ]).action((target: string | undefined, options: Partial<ReviewedOptions>) => {
    if (target !== undefined) {
      const known = didYouMean(target, ['range', 'claim', 'marker']);
      return repair.error(`error: unknown command '${target}'${known}`, { exitCode: 2 });
    }
    const { plan } = options;
    if (plan === undefined) return repair.help({ error: true });
    return action(async (given: ReviewedOptions, io) => runReviewed(given, io))({ ...options, plan });
  });
}
