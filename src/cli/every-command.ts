/**
 * What all commands share when they are declared: the options that each has, and how one is run.
 */
import type { Command } from 'commander';
import type { ExitCode } from '../domain/exit-code.ts';
import type { CommandIo } from './io.ts';

/** Makes an action of what runs a command. */
export type Action = <Options>(
  run: (options: Options, io: CommandIo) => Promise<ExitCode>,
) => (options: Options) => Promise<void>;

export function common(command: Command): Command {
  return command
    .option(
      '--config <file>',
      'configuration (default: what RECONCILER_CONFIG names, or reconciler.config.yaml here)',
    )
    .option('--json', 'print JSON instead of text');
}

/** Calls that a reader can copy, below the options. */
export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('after', ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n'));
}
