/**
 * The pages for people: their links lead somewhere, the commands they show are there, and the Chinese README shows the
 * same ones as the English one.
 * Does not look at addresses elsewhere, nor at what a page says.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { silent } from '../scripts/cli-reference.ts';
import { createProgram } from '../src/cli/program.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = [
  ...readdirSync(root).filter((name) => /^(README.*|CHANGELOG)\.md$/.test(name)),
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const fences = /^ *(```+)(\w*)\n([\s\S]*?)\n *\1$/gm;
const prose = (text: string): string => text.replaceAll(fences, '').replaceAll(/`[^`\n]*`/g, '');
const blocks = (text: string): string[] => [...text.matchAll(fences)].map(([, , , body = '']) => body);

/** Where the links of a page lead, without those to elsewhere. */
function linksOf(page: string): string[] {
  const targets = [...prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** As GitHub names headings: small letters, no punctuation, blanks as dashes, a number behind what was there before. */
function anchorsOf(page: string): Set<string> {
  const headings = [
    ...read(page)
      .replaceAll(fences, '')
      .matchAll(/^#{1,6} (.+)$/gm),
  ];
  const seen = new Map<string, number>();
  const anchors = headings.map(([, heading = '']) => {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = words.replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '').replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
  return new Set(anchors);
}

function isBroken(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(root, file))) return true;
  return anchor !== undefined && !(file.endsWith('.md') && anchorsOf(file).has(decodeURIComponent(anchor)));
}

const program = createProgram(silent, '', () => undefined);

/** Lines of code blocks that run the program: what comes after its name, up to a comment or a pipe. */
function commandLines(page: string): string[] {
  const lines = blocks(read(page)).flatMap((block) => block.replaceAll(/\\\n/g, ' ').split('\n'));
  return lines.flatMap((line) => {
    const [, rest] = /^(?:\$ )?claim-reconciler (?!demo:)(.+)$/.exec(line.trim()) ?? [];
    return rest === undefined ? [] : [rest.split(/ [#|] | {2,}|;/)[0] ?? ''];
  });
}

/** What of a command line the program does not have; null when all is there. */
function unknownPart(line: string): string | null {
  const words = line.split(' ').filter((word) => word !== '');
  let command: Command = program;
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word);
    if (next !== undefined) command = next;
    else if (command === program && !word.startsWith('-')) return word;
  }
  const known = new Set<string | null | undefined>(['--help', ...command.options.map(({ long }) => long)]);
  return words.find((word) => word.startsWith('--') && !known.has(word)) ?? null;
}

describe.each(pages)('%s', (page) => {
  it('has no link that leads nowhere', () => {
    expect(linksOf(page).filter((target) => isBroken(page, target))).toEqual([]);
  });

  it('shows no command or option that the program does not have', () => {
    expect(commandLines(page).filter((line) => unknownPart(line) !== null)).toEqual([]);
  });
});

it('there are links and commands to be looked at', () => {
  expect(pages.flatMap(linksOf).length).toBeGreaterThan(100);
  expect(pages.flatMap(commandLines).length).toBeGreaterThan(100);
});

it('docs/README.md names every page', () => {
  const named = linksOf('docs/README.md');
  const others = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(others.filter((page) => !named.includes(page.slice('docs/'.length)))).toEqual([]);
});

it('the Chinese README shows the commands of the English one', () => {
  const shown = (page: string): string[] =>
    blocks(read(page)).flatMap((block) =>
      [...block.matchAll(/^\$ ([^#\n]*)/gm)].map(([, line = '']) => line.trim()),
    );
  expect(shown('README.md').length).toBeGreaterThan(5);
  expect(shown('README.zh-CN.md')).toEqual(shown('README.md'));
});
