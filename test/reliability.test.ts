/**
 * The pages that name tests belong together with the tests: docs/reliability.md, scenario by scenario, and docs/security.md.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

const reliability = read('docs/reliability.md');
const pages = { 'docs/reliability.md': reliability, 'docs/security.md': read('docs/security.md') };

/** The rows of the table below a heading that begin with a number; a scenario may have several. */
function scenarios(heading: string): { number: number; row: string }[] {
  const section = reliability.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  let last = 0;
  const rows = [...section.matchAll(/^\| *(\d*) *\|.*$/gm)].map(([row, number]) => {
    last = number === '' ? last : Number(number);
    return { number: last, row };
  });
  // The head has no number, nor has any row before it.
  return rows.filter(({ number }) => number > 0);
}

describe('docs/reliability.md', () => {
  it.each([
    ['The lease', 21],
    ['The daemon', 26],
  ])('%s: has a test for each of %i scenarios, or says why there is none', (heading, count) => {
    const rows = scenarios(heading);
    expect([...new Set(rows.map(({ number }) => number))]).toEqual(numbers(count));
    const bare = rows.filter(({ row }) => !/`test\/[^`]+`/.test(row) && !/\bnot held:/.test(row));
    expect(bare).toEqual([]);
  });
});

describe.each(Object.entries(pages))('%s', (_, page) => {
  const named = [...page.matchAll(/`(test\/[^`]+\.test\.ts)`: "([^"]+)"/g)].map(
    ([, file = '', name = '']) => ({
      file,
      name,
    }),
  );

  it.each(named)('$name is a test of $file', ({ file, name }) => {
    const text = read(file).replaceAll(/' \+\s+'/g, '');
    expect(text).toContain(name);
  });

  it('names no file that is not there', () => {
    const files = [...page.matchAll(/`(test\/[^`]+\.ts)`/g)].map(([, file = '']) => file);
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => !existsSync(new URL(`../${file}`, import.meta.url)))).toEqual([]);
  });
});
