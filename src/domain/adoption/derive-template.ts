/**
 * Finds the template behind an example: which parts of `gift:7:2:100180` are the columns of its row.
 * Invariant kept: a template that is returned gives the example back when it is filled in with the row, and reads the
 * same when it is parsed.
 * Does not decide between templates that fit equally well: whoever asks compares several examples, or asks the markers.
 */
import { parseTemplate } from '../template.ts';
import type { SampleRow } from './sample-row.ts';

/** Template text to how well it fits, more is better. */
export type FittingTemplates = ReadonlyMap<string, number>;

/** The most templates that are tried for one example: a key with ten parts that three columns fit has thousands. */
const templatesMax = 2_000;

interface Piece {
  readonly text: string;
  readonly score: number;
}

/** All templates that fit one example. Only those that name a column. */
export function deriveTemplates(example: string, row: SampleRow): FittingTemplates {
  const found = new Map<string, number>();
  const walk = (at: number, written: string, score: number, used: ReadonlySet<string>): void => {
    if (found.size >= templatesMax) return;
    if (at === example.length) {
      if (used.size > 0 && reads(written, row)) found.set(written, score);
      return;
    }
    const end = endOfPart(example, at);
    for (const [name, value] of columnsAt(example, at, row)) {
      const column = columnPiece(name, value, example, used);
      walk(at + value.length, written + column.text, score + column.score, new Set([...used, name]));
    }
    walk(end, written + example.slice(at, end), score, used);
  };
  walk(0, '', 0, new Set());
  return found;
}

/** The templates that fit all of several examples; empty when none does. */
export function templatesOfAll(each: readonly FittingTemplates[]): FittingTemplates {
  const [first, ...others] = each;
  const shared = [...(first ?? [])].flatMap(([text, score]): [string, number][] => {
    const scores = others.flatMap((fitting) => fitting.get(text) ?? []);
    return scores.length < others.length ? [] : [[text, scores.reduce((sum, other) => sum + other, score)]];
  });
  return new Map(shared);
}

/** The templates that fit best, the best first, and at most `countMax` of them. */
export function bestTemplates(fitting: FittingTemplates, countMax: number): string[] {
  const ranked = [...fitting].toSorted(([, a], [, b]) => b - a);
  return ranked.slice(0, countMax).map(([text]) => text);
}

/** How many of the characters that vary from claim to claim are the columns of this row: tells its row from others. */
export function likeness(example: string, row: SampleRow): number {
  return Math.max(0, ...deriveTemplates(example, row).values());
}

/** A template filled in; null where the row lacks a column. */
export function fillTemplate(template: string, row: SampleRow): string | null {
  const parts = parseTemplate(template).map((part) =>
    part.kind === 'literal' ? part.text : row.texts.get(part.name),
  );
  return parts.includes(undefined) ? null : parts.join('');
}

/** The parts of an example that may be values of columns, each once: to look rows up by. */
export function partsOf(example: string, countMax = 64): string[] {
  const wide = example.split(/[:/|#{}]/);
  const narrow = example.split(/[^\p{L}\p{N}]/u);
  const runs = example.match(/\p{N}+/gu) ?? [];
  return [...new Set([example, ...wide, ...narrow, ...runs])]
    .filter((part) => part !== '')
    .slice(0, countMax);
}

/** The columns whose value stands here, where a part begins, and ends with one; longest first. */
function columnsAt(example: string, at: number, { texts }: SampleRow): [string, string][] {
  return [...texts]
    .filter(
      ([, value]) => value !== '' && example.startsWith(value, at) && isBoundary(example, at + value.length),
    )
    .toSorted(([, a], [, b]) => b.length - a.length);
}

/** Between two characters that are not both digits nor both letters: `u100180` is `u` and a number. */
function isBoundary(text: string, at: number): boolean {
  const [before = '', after = ''] = [text[at - 1], text[at]];
  const both = (kind: RegExp): boolean => kind.test(before) && kind.test(after);
  return !both(/\p{L}/u) && !both(/\p{N}/u);
}

function endOfPart(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && !isBoundary(text, end)) end += 1;
  return end;
}

/**
 * A column is worth the digits it explains, since digits vary from claim to claim; a word it explains may as well be part
 * of every key. A name that the key spells out (`order:{order_id}`) is the likelier one; one that was named already
 * explains little.
 */
function columnPiece(name: string, value: string, example: string, used: ReadonlySet<string>): Piece {
  const text = `{${name}}`;
  if (used.has(name)) return { text, score: 1 };
  const varies = /\p{N}/u.test(value) || value.length >= 16;
  const word = name.toLowerCase().replace(/_.*/, '');
  const isSpelled = word.length > 2 && example.toLowerCase().includes(word);
  return { text, score: (varies ? 10 * value.length : -1) + (isSpelled ? 2 : 0) - (name === 'id' ? 1 : 0) };
}

/** A name that is no column of templates, or a literal brace around a word, would be read as something else. */
function reads(written: string, row: SampleRow): boolean {
  const parts = parseTemplate(written);
  return parts.every((part) => part.kind === 'literal' || row.texts.has(part.name));
}
