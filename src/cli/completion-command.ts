/**
 * The command `completion`: prints a script for a shell.
 */
import { Argument, type Command } from 'commander';
import { completionScript, shells, type Shell } from './completion.ts';
import { examples } from './every-command.ts';
import type { CommandIo } from './io.ts';

/** To be added last: it completes what was added before it, and itself. */
export function addCompletion(program: Command, io: CommandIo): void {
  const command = program
    .command('completion')
    .description('print a script that completes commands and options in your shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action((shell: Shell) => io.out(completionScript(program, shell)));
  examples(command, [
    'claim-reconciler completion bash > /etc/bash_completion.d/claim-reconciler',
    'claim-reconciler completion zsh > ~/.zfunc/_claim-reconciler      (a folder of fpath)',
    'claim-reconciler completion fish > ~/.config/fish/completions/claim-reconciler.fish',
  ]);
}
