/**
 * Completion for shells, made from the program itself: its commands, their options, the words that options take.
 * Invariant kept: the scripts call nothing and read no configuration; completing is as fast as the shell.
 */
import type { Command, Option } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A command by its words, such as `repair range`, and what may stand behind it. */
interface Completed {
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly Option[];
}

export function completionScript(program: Command, shell: Shell): string {
  const all = completedIn(program, '');
  if (shell === 'fish') return fish(program.name(), all);
  const body = bash(program.name(), all);
  return shell === 'bash'
    ? body
    : `#compdef ${program.name()}\nautoload -U +X bashcompinit && bashcompinit\n${body}`;
}

function completedIn(command: Command, path: string): Completed[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter((each) => each.name() !== 'help');
  const own = {
    path,
    commands: commands.map((each) => ({ name: each.name(), description: each.description() })),
    options: help.visibleOptions(command),
  };
  return [own, ...commands.flatMap((each) => completedIn(each, `${path} ${each.name()}`.trim()))];
}

/** Walks the words to the command they name, then offers what may stand there; files behind an option that takes one. */
function bash(name: string, all: readonly Completed[]): string {
  const cases = all.map(({ path, commands, options }) => {
    const words = [...commands.map((each) => each.name), ...options.flatMap(namesOf)];
    return `    '${path}') words='${words.join(' ')}' ;;`;
  });
  const paths = all.map(({ path }) => `'${path}'`).join('|');
  const valued = [...new Set(all.flatMap(({ options }) => options.filter(takesValue).flatMap(namesOf)))];
  const files = [...new Set(all.flatMap(({ options }) => options.filter(takesFile).flatMap(namesOf)))];
  const identifier = name.replaceAll('-', '_');
  return `_${identifier}() {
  local word path='' next words='' at skip=''
  for ((at = 1; at < COMP_CWORD; at += 1)); do
    word=\${COMP_WORDS[at]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
    ${valued.join('|')}) skip=yes; continue ;;
    esac
    next="\${path:+$path }$word"
    case $next in
    ${paths}) path=$next ;;
    esac
  done
  COMPREPLY=()
  if [[ -n $skip ]]; then
    case $word in
    ${files.join('|')}) COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}")) ;;
    esac
    return
  fi
  case $path in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _${identifier} ${name}`;
}

function fish(name: string, all: readonly Completed[]): string {
  const lines = all.flatMap(({ path, commands, options }) => {
    const deeper = commands.map((each) => each.name).join(' ');
    const seen = path.split(' ').filter((word) => word !== '');
    const conditions = [
      ...seen.map((word) => `__fish_seen_subcommand_from ${word}`),
      ...(deeper === '' ? [] : [`not __fish_seen_subcommand_from ${deeper}`]),
    ];
    const start = `complete -c ${name}${conditions.length === 0 ? '' : ` -n '${conditions.join('; and ')}'`}`;
    return [
      ...commands.map((each) => `${start} -f -a ${each.name} -d ${quote(each.description)}`),
      ...options.map((option) => {
        const long = option.long === undefined || option.long === null ? '' : ` -l ${option.long.slice(2)}`;
        const value = takesValue(option) ? (takesFile(option) ? ' -r -F' : ' -x') : '';
        return `${start} -f${long}${value} -d ${quote(option.description)}`;
      }),
    ];
  });
  return [`complete -c ${name} -f`, ...lines].join('\n');
}

function namesOf({ long, short }: Option): string[] {
  return [long ?? [], short ?? []].flat();
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function takesFile({ flags }: Option): boolean {
  return flags.includes('<file>');
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
