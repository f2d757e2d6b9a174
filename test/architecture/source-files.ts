/**
 * The repository's own files as text, for the tests that read them: paths, lines, and code with its comments blanked
 * out, so that a word in a comment is no finding. Line numbers stay as they are.
 * Does not parse: imports are found by their shape, which `prettier` keeps regular.
 */
import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comments replaced by blanks. Equal to the text for files that are not TypeScript or Lua. */
  readonly code: string;
}

export interface Import {
  readonly line: number;
  readonly target: string;
  /** `import type` and `export type`: gone when the program runs. */
  readonly typeOnly: boolean;
}

/** All files below the folders that exist, in a stable order. */
export function readSourceFiles(folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) => pathsBelow(folder)).map((path) => sourceFile(path, readText(path)));
}

export function readText(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

export function sourceFile(path: string, text: string): SourceFile {
  if (/\.m?ts$|\.mjs$/.test(path)) return { path, text, code: blankOut(text, scriptToken) };
  return { path, text, code: path.endsWith('.lua') ? blankOut(text, luaToken) : text };
}

/** Every match of a pattern in the code, as `path:line: what`. */
export function findInCode(file: SourceFile, pattern: RegExp, what: string): string[] {
  return [...file.code.matchAll(pattern)].map((match) => {
    const line = lineAt(file.code, match.index);
    return `${file.path}:${line}: ${what}: ${match[0].trim()}`;
  });
}

export function importsOf({ code }: SourceFile): Import[] {
  const statements =
    /^[ \t]*(?:import|export)\b(?<type>\s+type\b(?!\s*(?:from|,)))?(?:[^'"`;]*?\bfrom)?\s*['"](?<target>[^'"]+)['"]/gm;
  const calls = /\bimport\s*\(\s*['"](?<target>[^'"]+)['"]/g;
  return [...code.matchAll(statements), ...code.matchAll(calls)].map(({ groups, index, 0: text }) => ({
    line: lineAt(code, index + text.length),
    target: groups?.['target'] ?? '',
    typeOnly: groups?.['type'] !== undefined,
  }));
}

/** The path that a relative import leads to. */
export function resolveImport(from: string, target: string): string {
  return new URL(target, `file:///${from}`).pathname.slice(1);
}

export function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

function pathsBelow(folder: string): string[] {
  const entries = readdirSync(new URL('.', root), { withFileTypes: true }).some(({ name }) => name === folder)
    ? readdirSync(new URL(`${folder}/`, root), { withFileTypes: true, recursive: true })
    : [];
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.replaceAll(/[\\/]+/g, '/'))
    .map((path) => path.slice(path.indexOf(root.pathname) + root.pathname.length))
    .toSorted();
}

/**
 * One comment, string or regular expression at a time; whatever lies between is skipped by the search. Text inside
 * `${}` of a template counts as string, and a regular expression is known by what stands before it.
 */
const scriptToken =
  /(?<comment>\/\*[\s\S]*?\*\/|\/\/[^\n]*)|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|(?<=[(,=:[!&|?{};]\s*|\breturn\s+|\n\s*)\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\//g;
const luaToken = /(?<comment>--[^\n]*)|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g;

function blankOut(text: string, token: RegExp): string {
  return text.replaceAll(token, (found, comment: string | undefined) =>
    comment === undefined ? found : found.replaceAll(/[^\n]/g, ' '),
  );
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
