/**
 * The page of invariants and the tests it names belong together.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../docs/invariants.md', import.meta.url), 'utf8');
const named = [...page.matchAll(/`(test\/[^`]+\.test\.ts)`: "([^"]+)"/g)].map(([, file = '', name = '']) => ({
  file,
  name,
}));

describe('docs/invariants.md', () => {
  it('names a test for each of the twelve', () => {
    const numbers = [...page.matchAll(/^\| (\d+) \|.*`test\//gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
  });

  it.each(named)('$name is a test of $file', ({ file, name }) => {
    const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
    expect(text.replaceAll(/' \+\s+'/g, '')).toContain(name);
  });
});
