/**
 * The house as it must stay: arrows between folders, who alone touches what, ceilings, names, headers. Files are read as
 * text; a finding names file and line. There is no list of exceptions.
 */
import { describe, expect, it } from 'vitest';
import { importCircles, importViolations } from './architecture/import-rules.ts';
import {
  countLines,
  findInCode,
  importsOf,
  readSourceFiles,
  readText,
  sourceFile,
  type SourceFile,
} from './architecture/source-files.ts';

const program = readSourceFiles(['src', 'jobs']);
const tests = readSourceFiles(['test']);
const others = readSourceFiles(['migrations', 'scripts', 'bench', 'examples']);
const everything = [...program, ...tests, ...others];
const scripts = program.filter(({ path }) => path.endsWith('.ts'));
const lua = program.filter(({ path }) => path.endsWith('.lua'));

interface LinterConfig {
  readonly rules: Readonly<Record<string, unknown>>;
  readonly overrides: readonly { readonly files: readonly string[]; readonly rules: object }[];
}

/** Findings of a pattern in all files but one. */
function findOutside(owner: string, pattern: RegExp, what: string): string[] {
  return scripts.filter(({ path }) => path !== owner).flatMap((file) => findInCode(file, pattern, what));
}

describe('the arrows', () => {
  it('point from the wiring down to the domain, and each driver has one owner', () => {
    expect(scripts.length).toBeGreaterThan(40);
    expect(scripts.flatMap(importViolations)).toEqual([]);
  });

  it('form no circle, not even of types', () => {
    expect(importCircles(scripts)).toEqual([]);
  });

  it('would be missed by nobody: what goes against them is found', () => {
    const found = (path: string, text: string): string[] => importViolations(sourceFile(path, text));
    expect(found('src/domain/x.ts', "import { readFileSync } from 'node:fs';")).toHaveLength(1);
    expect(found('src/domain/x.ts', "import type { Redis } from 'ioredis';")).toHaveLength(1);
    expect(found('src/postgres/x.ts', "import {\n  a,\n} from '../redis/a.ts';")).toEqual([
      'src/postgres/x.ts:3: imports ../redis/a.ts, and postgres may not know redis',
    ]);
    expect(found('src/reconcile/x.ts', "import { Redis } from 'ioredis';")).toHaveLength(1);
    expect(found('src/reconcile/x.ts', "import type { Redis } from 'ioredis';")).toEqual([]);
    expect(found('src/http/x.ts', "import type { Queue } from 'bullmq';")).toHaveLength(1);
    expect(found('src/schedule/x.ts', "const x = await import('../../jobs/pass.ts');")).toHaveLength(1);
    expect(found('src/schedule/x.ts', "export { x } from '../app/x.ts';")).toHaveLength(1);
    expect(found('jobs/pass.ts', "import { loadConfig } from '../src/config.ts';")).toHaveLength(1);
    expect(found('jobs/pass.ts', "import type { Config } from '../src/config.ts';")).toEqual([]);
    expect(found('src/app/x.ts', "import { loadConfig } from '../config.ts';")).toEqual([]);
    expect(found('src/domain/x.ts', "import './y.js';")).toHaveLength(1);
    expect(found('src/new/x.ts', "import '../domain/claim.ts';")).toHaveLength(1);
    expect(found('src/domain/x.ts', "// import 'pg';\nconst x = `from 'pg'`;")).toEqual([]);
    const circle = ['a', 'b'].map((name, at) =>
      sourceFile(`src/domain/${name}.ts`, `import type { X } from './${at === 0 ? 'b' : 'a'}.ts';`),
    );
    expect(importCircles(circle)).toEqual(['src/domain/a.ts -> src/domain/b.ts -> src/domain/a.ts']);
  });
});

describe('only one place', () => {
  it('reads the environment: src/config.ts', () => {
    expect(findOutside('src/config.ts', /\bprocess\s*(\.\s*env\b|\[)/g, 'reads the environment')).toEqual([]);
    const named = scripts.filter((file) =>
      importsOf(file).some(({ target }) => /^(node:)?process$/.test(target)),
    );
    expect(named.map(({ path }) => path)).toEqual([]);
  });

  it('exits or listens for signals: src/cli/main.ts', () => {
    const pattern = /\bprocess\s*\.\s*(exit|exitCode|abort|on|once|addListener|prependListener)\b/g;
    expect(findOutside('src/cli/main.ts', pattern, 'exits or listens for signals')).toEqual([]);
  });

  it('knows the time: never the domain', () => {
    const domain = scripts.filter(({ path }) => path.startsWith('src/domain/'));
    const pattern =
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bset(Timeout|Interval|Immediate)\b|\bMath\.random\b|\bconsole\b|\bprocess\b/g;
    expect(domain.flatMap((file) => findInCode(file, pattern, 'is not pure'))).toEqual([]);
  });
});

describe('the marker Redis', () => {
  it('is never enumerated or emptied', () => {
    const words = /(['"`])([HSZ]?SCAN|KEYS|FLUSH(ALL|DB)?)(\1|\s)/gi;
    const calls =
      /\.\s*([hsz]?scan(Stream|Buffer)?|flush(all|db))\s*\(|\b(redis|client|markers|leases|queue)\.keys\s*\(/gi;
    const found = program.flatMap((file) => [
      ...findInCode(file, words, 'enumerates or empties'),
      ...findInCode(file, calls, 'enumerates or empties'),
    ]);
    expect(found).toEqual([]);
    const bad = sourceFile(
      'src/x.ts',
      "redis.call('KEYS', '*'); redis.scanStream(); redis.flushall(); markers.keys('*');",
    );
    expect([...findInCode(bad, words, ''), ...findInCode(bad, calls, '')]).toHaveLength(4);
  });

  it('is changed by short scripts whose header names KEYS, ARGV, what they return and what they keep', () => {
    expect(lua.length).toBeGreaterThan(4);
    const long = lua.filter(({ text }) => countLines(text) > 40);
    expect(long.map(({ path, text }) => `${path}:41: ${countLines(text)} lines, at most 40`)).toEqual([]);
    const header = (text: string): string => /^(#![^\n]*\n)?((--[^\n]*\n)+)/.exec(text)?.[2] ?? '';
    const silent = lua.flatMap(({ path, text }) =>
      [/^-- KEYS\b/m, /^-- ARGV\b/m, /^-- Returns\b/m, /^-- Invariant\b/m]
        .filter((part) => !part.test(header(text)))
        .map((part) => `${path}:1: the header has no line like ${part.source}`),
    );
    expect(silent).toEqual([]);
  });
});

describe('the ceilings', () => {
  const linesMax = (path: string): number => (path.startsWith('test/') ? 400 : 250);

  it('of 250 lines a source file and 400 a test file hold', () => {
    const long = everything
      .filter(({ path }) => !/\.(json|gz|csv)$/.test(path))
      .filter(({ path, text }) => countLines(text) > linesMax(path))
      .map(({ path, text }) => `${path}:${linesMax(path) + 1}: ${countLines(text)} lines`);
    expect(long).toEqual([]);
  });

  it('of 70 lines a function is kept by the linter, which nobody may switch off', () => {
    const rule = 'max-lines-per-function';
    const config = JSON.parse(readText('.oxlintrc.json')) as LinterConfig;
    expect(config.rules[rule]).toEqual(['error', { max: 70, skipBlankLines: false, skipComments: false }]);
    // What is passed to `describe` is no function in this sense: it is as long as its tests together.
    const freed = config.overrides.filter(({ rules }) => rule in rules).flatMap(({ files }) => files);
    expect(freed).toEqual(['test/**/*.test.ts']);
    const switches = /\b(oxlint|eslint)-disable[^\n]*|@ts-(ignore|expect-error|nocheck)|prettier-(ignore)/g;
    const found = [...program, ...tests].flatMap(({ path, text }) =>
      findInCode({ path, text, code: text }, switches, 'switches a check off'),
    );
    expect(found).toEqual([]);
  });
});

describe('every file', () => {
  it('has a kebab-case name that says what it is', () => {
    const vague = /(^|[-/.])(utils?|helpers?|common|managers?|services?|misc)([-/.]|$)/;
    const bad = [...program, ...tests].filter(({ path }) => vague.test(path) || !/^[a-z0-9./-]+$/.test(path));
    expect(bad.map(({ path }) => path)).toEqual([]);
  });

  it('opens with what it is, what it keeps and what it does not do', () => {
    const opening: Readonly<Record<string, RegExp>> = {
      ts: /^(#![^\n]*\n)?\/\*\*?[\s\S]{20,}?\*\//,
      mjs: /^(#![^\n]*\n)?\/\*\*?[\s\S]{20,}?\*\//,
      lua: /^(#![^\n]*\n)?-- \S/,
      sql: /^-- \S/,
    };
    const bare = everything.filter(
      ({ path, text }) => opening[path.split('.').at(-1) ?? '']?.test(text) === false,
    );
    expect(bare.map(({ path }) => `${path}:1: opens without a comment`)).toEqual([]);
  });

  it('exports by name and keeps its types honest', () => {
    const forbidden: readonly [RegExp, string][] = [
      [/^export default\b/gm, 'exports a default'],
      [/\bas unknown as\b/g, 'forces a type'],
      [/[:<,|]\s*any\b(?=\s*[;,)>=[\]|{}]|\s*$)/gm, 'says any'],
      [/^\s*(export\s+)?(const\s+)?enum\s/gm, 'declares an enum'],
      [/^\s*(export\s+)?namespace\s+[\w.]+\s*\{/gm, 'declares a namespace'],
    ];
    const typescript = [...program, ...tests].filter(({ path }) => path.endsWith('.ts'));
    const found = (file: SourceFile): string[] =>
      forbidden.flatMap(([pattern, what]) => findInCode(file, pattern, what));
    expect(typescript.flatMap(found)).toEqual([]);
  });

  it('of the tests runs in full, every time', () => {
    const pattern = /\b(it|test|describe)\s*\.\s*(skip|only|todo|fails|skipIf|runIf)\b|\bretry\s*:/g;
    expect(tests.flatMap((file) => findInCode(file, pattern, 'is not run in full'))).toEqual([]);
  });
});
