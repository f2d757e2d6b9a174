/**
 * A problem with the configuration: where it is and what to do about it; and how all of them become one error.
 * Invariant kept: no secret is printed. A value is shown as it is written in the file, never as the environment filled
 * it in; URLs, credentials, headers and secrets are not shown at all.
 */
import { OperatingError } from '../domain/operating-error.ts';

export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  readonly message: string;
  /** The value itself is wrong, so it helps to see it. */
  readonly showsValue?: boolean;
  /** The variable that the value came from, if it stands above the file. */
  readonly from?: string;
}

/** A value that is a secret or may hold one. */
const secretPath = /(^|\.)(url|credentials|headers|secret)(\.|$)/i;
const shownCharsMax = 60;

/**
 * All problems in one error, a line for each.
 * @param written the tree as it stands in the file, before the environment was filled in
 */
export function configurationError(
  file: string,
  problems: readonly Problem[],
  written: unknown,
): OperatingError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const lines = groupByPlace(problems).map((problem) => `  - ${describeProblem(problem, written)}`);
  return new OperatingError(
    'configuration',
    `The configuration in ${file} has ${count}; nothing was started or changed:\n${lines.join('\n')}`,
  );
}

/** `sources.gifts.statuses.granted[0]`; empty for the file as a whole. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? printable(part) : `${text}.${printable(part)}`;
  }, '');
}

/** The value at a path of a tree; undefined where the path leads nowhere. */
export function valueAt(tree: unknown, path: Path): unknown {
  return path.reduce<unknown>((node, part) => {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, part)) return undefined;
    return (node as Record<string | number, unknown>)[part];
  }, tree);
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a file calls a value of this kind. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map of keys' : 'a single value';
}

/** Problems of one section or source stand together. */
function groupByPlace(problems: readonly Problem[]): Problem[] {
  const groups = new Map<string, Problem[]>();
  for (const problem of problems) {
    const place = formatPath(problem.path.slice(0, problem.path[0] === 'sources' ? 2 : 1));
    groups.set(place, [...(groups.get(place) ?? []), problem]);
  }
  return [...groups.values()].flat();
}

function describeProblem({ path, message, showsValue, from }: Problem, written: unknown): string {
  const place = formatPath(path);
  const value = valueAt(written, path);
  const shown =
    showsValue === true && typeof value === 'string' && !secretPath.test(place)
      ? `; it is ${quote(value)}`
      : '';
  const origin = from === undefined ? '' : ` (from ${from})`;
  return `${place === '' ? 'the file ' : `${place}${origin}: `}${message}${shown}`;
}

/** A URL may have strayed into any key. */
function quote(value: string): string {
  const safe = value.replaceAll(/:\/\/\S*@/g, '://***@').replaceAll(/(password=)[^&\s]*/gi, '$1***');
  return JSON.stringify(safe.length > shownCharsMax ? `${safe.slice(0, shownCharsMax)}…` : safe);
}

/** Keys come from a file: control characters must not reach a terminal. */
function printable(key: string): string {
  return /^[\w-]+$/.test(key) ? key : quote(key);
}
