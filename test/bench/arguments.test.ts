/** What the benches are asked for: defaults, and everything that is wrong told at once. */
import { describe, expect, it } from 'vitest';
import { helpText, readArguments } from '../../bench/arguments.ts';

describe('the arguments of a bench', () => {
  it('are none: the pass, with a table', () => {
    expect(readArguments([])).toEqual({
      kind: 'bench',
      request: { bench: 'pass', json: false, options: { rows: 200_000, repeats: 5 } },
    });
  });

  it('name a bench and its numbers', () => {
    expect(readArguments(['gate', '--claims', '10', '--repeats=1', '--json'])).toEqual({
      kind: 'bench',
      request: { bench: 'gate', json: true, options: { claims: 10, repeats: 1 } },
    });
  });

  it('may be lists, with commas between', () => {
    expect(readArguments(['scale', '--keys', '10,200,3000', '--fresh=5'])).toEqual({
      kind: 'bench',
      request: { bench: 'scale', json: false, options: { keys: [10, 200, 3000], fresh: [5], repeats: 9 } },
    });
  });

  it.each([
    [['nothing'], [/no bench "nothing".*pass, scale, repairs, workers, footprint, gate/]],
    [['pass', 'gate'], [/"gate" says nothing here/]],
    [['--rows', '0'], [/--rows must be a whole number from 1 to 100000000, not "0"/]],
    [['--rows', '1e6'], [/--rows must be/]],
    [['--rows'], [/--rows must be/]],
    [
      ['--rows', '-5', '--repeats', 'x', '--claims', '3'],
      [/--rows/, /--repeats/, /no option --claims/],
    ],
    [['scale', '--keys', '1,,2'], [/--keys must be whole numbers with commas between, each from 1/]],
    [['--rows', '1,2'], [/--rows must be a whole number/]],
    [['--fast'], [/no option --fast\. It has: --json, --rows, --repeats/]],
    [['--json=yes'], [/--json/]],
  ])('%j are refused, with all that is wrong', (words, expected) => {
    const asked = readArguments(words);
    if (asked.kind !== 'refused') throw new Error(`taken: ${JSON.stringify(asked)}`);
    expect(asked.problems).toHaveLength(expected.length);
    for (const [at, pattern] of expected.entries()) expect(asked.problems[at]).toMatch(pattern);
  });

  it('may ask for help, which names each bench and option', () => {
    expect(readArguments(['scale', '--help'])).toEqual({ kind: 'help' });
    for (const word of ['pass', 'scale', 'gate', '--rows', '--claims', '--json'])
      expect(helpText()).toContain(word);
  });
});
