/**
 * Finds the configuration file and reads it as a tree of maps, lists and texts. Every scalar stays the text that was
 * written: a status word `007` or `no` is not turned into a number or a truth value, and `port: 3020` means the same as
 * `port: ${PORT}`. JSON is read as the YAML that it is.
 * Invariant kept: an error shows line and column, never the text found there, which may be a password.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { OperatingError } from '../domain/operating-error.ts';

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  readonly tree: unknown;
}

export interface ConfigPlace {
  /** As given on the command line. */
  readonly path?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** One mistake can upset the parser for the rest of the file. */
const shownMax = 3;

const usualNames = ['reconciler.config.yaml', 'reconciler.config.yml', 'reconciler.config.json'];

/** Throws OperatingError `configuration` when there is no file, or none that can be read or parsed. */
export async function readConfigFile({ path, env, cwd }: ConfigPlace): Promise<ConfigFile> {
  const fromEnvironment = env['RECONCILER_CONFIG'] === '' ? undefined : env['RECONCILER_CONFIG'];
  const [named, namedBy] =
    path === undefined ? [fromEnvironment, 'RECONCILER_CONFIG'] : ([path, '--config'] as const);
  const candidates = (named === undefined ? usualNames : [named]).map((name) => resolve(cwd, name));
  for (const candidate of candidates) {
    const text = await readText(candidate);
    if (text !== null) return { path: candidate, tree: parse(candidate, text) };
  }
  throw new OperatingError(
    'configuration',
    named === undefined
      ? `There is no configuration file: none of ${usualNames.join(', ')} is in ${cwd}. Write one ` +
          '(docs/configuration.md has an example), or name it with --config or RECONCILER_CONFIG.'
      : `There is no configuration file ${candidates[0] ?? named}, which ${namedBy} names.`,
  );
}

/** Null when there is no such file. */
async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    const reason = code === 'EISDIR' ? 'it is a folder' : code === 'EACCES' ? 'no permission' : String(code);
    throw new OperatingError('configuration', `The configuration file ${path} cannot be read: ${reason}.`, {
      cause: error,
    });
  }
}

function parse(path: string, text: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    schema: 'failsafe',
    customTags: ['null'],
    prettyErrors: false,
    lineCounter,
    logLevel: 'error',
  });
  const problems = [...document.errors, ...document.warnings].map(({ message, pos }) => {
    const { line, col } = lineCounter.linePos(pos[0]);
    return { line, text: `line ${line}, column ${col}: ${withoutContent(message)}` };
  });
  if (problems.length === 0) {
    try {
      return document.toJS();
    } catch (error) {
      problems.push({
        line: 0,
        text: withoutContent(error instanceof Error ? error.message : String(error)),
      });
    }
  }
  // One slip often leads to several complaints about its line: the first one is to the point.
  const firstOfLine = problems.filter(({ line }, at) => problems.findIndex((p) => p.line === line) === at);
  const shown = firstOfLine.slice(0, shownMax).map((problem) => `  - ${problem.text}`);
  throw new OperatingError(
    'configuration',
    `The configuration file ${path} is not valid ${path.endsWith('.json') ? 'JSON' : 'YAML'}; nothing was started or ` +
      `changed:\n${shown.join('\n')}`,
  );
}

/** The parser quotes what it stumbled over: behind a colon, or at the end of a few messages. */
function withoutContent(message: string): string {
  return message
    .replace(/(?<=[\w)]): .*$/s, '')
    .replace(/^(Unknown directive|Invalid escape sequence) .*$/s, '$1');
}
