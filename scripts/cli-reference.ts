/**
 * docs/cli.md, made from the program itself: `npm run references` writes it anew, and a test fails while it is not.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { CommandIo } from '../src/cli/io.ts';
import { createProgram } from '../src/cli/program.ts';

const introduction = `# Commands

Made from the program by \`npm run references\`; \`claim-reconciler <command> --help\` says the same.

Every command but \`completion\` takes two options that are not repeated below: \`--config <file>\` names the configuration (default: what
RECONCILER_CONFIG names, or \`reconciler.config.yaml\` here), \`--json\` prints JSON instead of text. Results go to standard output,
progress and trouble to standard error. From a checkout: \`npm run claim-reconciler -- <command>\`.

| exit code | meaning |
| --------- | ------- |
| 0 | consistent, or all repaired |
| 1 | operating error: a store did not answer, or refused |
| 2 | usage or configuration; nothing was done |
| 3 | discrepancies remain |
| 4 | the brake stopped it |
| 5 | another holder has the lease |
| 6 | the checkpoint was refused |
`;

/** The page, for the commands there are. */
export function cliReference(): string {
  const program = createProgram(silent, '', () => undefined);
  return [introduction, ...commandsOf(program).flatMap((command) => chapters(command, '##'))].join('\n');
}

/** A program that is looked at and not run. */
export const silent: CommandIo = {
  env: {},
  cwd: '/',
  person: '',
  isTerminal: false,
  out: () => undefined,
  err: () => undefined,
  progress: () => undefined,
  signal: new AbortController().signal,
};

function commandsOf(command: Command): Command[] {
  return command.commands.filter((each) => each.name() !== 'help');
}

/** A command, and then those below it. */
function chapters(command: Command, heading: string): string[] {
  const options = command.options
    .filter(({ flags }) => flags !== '--config <file>' && flags !== '--json')
    .map(
      ({ flags, description, mandatory, defaultValue }) =>
        `| \`${flags}\` | ${cell(description)}${mandatory ? '; required' : ''}${defaultOf(defaultValue)} |`,
    );
  const table = ['| option | |', '| --- | --- |', ...options, ''];
  return [
    `${heading} \`${pathOf(command)}\``,
    '',
    '```text',
    `${pathOf(command)} ${command.usage()}`,
    '```',
    '',
    sentence(command.description()),
    '',
    ...(options.length === 0 ? [] : table),
    ...examplesOf(command),
    ...commandsOf(command).flatMap((each) => chapters(each, `${heading}#`)),
  ];
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** What the help prints below the options: it is in no property. */
function examplesOf(command: Command): string[] {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  const lines = (help.split('\nExamples:\n')[1] ?? '').trimEnd().split('\n');
  const examples = lines.filter((line) => line !== '').map((line) => line.slice(2));
  return examples.length === 0 ? [] : ['```console', ...examples.map((line) => `$ ${line}`), '```', ''];
}

function defaultOf(value: unknown): string {
  return typeof value === 'string' ? ` (default: ${value})` : '';
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = new URL('../docs/cli.md', import.meta.url);
  await writeFile(file, cliReference());
  process.stdout.write(`Wrote ${fileURLToPath(file)}.\n`);
}
