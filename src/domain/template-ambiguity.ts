/**
 * Can two rows with different values have one and the same marker key? Two texts side by side can: `{a}{b}` is `ab` for
 * `a`, `b` and for `ab` and an empty text. A text before a separator can, unless its values do not contain it.
 *
 * Proof: a key's readings (which character belongs to which column) are followed two at a time, character by character.
 * What can come next depends only on where the two stand, and there are finitely many such pairs (a column's text so far
 * is cut down to what matters, see `TextShape`). All pairs that can be reached are visited. If the two have never parted
 * when both are at the end, every key has one reading, and so one value for each column. If they have, the way there is
 * a key with two readings. Not proved this way: a template of one column, whose length follows from that of the key.
 *
 * A column that is named several times counts as several: what is found unambiguous is so all the more when its values
 * must be equal; of what is found ambiguous an example may be missing.
 * Does not fill anything in or check values.
 */
import { literalShape, textShape, type ColumnKind, type TextShape } from './column-kind.ts';
import { templateColumns, type Template } from './template.ts';

/** The texts that values of some columns must not contain, by column. */
export type ForbiddenTexts = ReadonlyMap<string, readonly string[]>;

export type TemplateJudgement =
  | { readonly kind: 'unambiguous'; readonly forbidden: ForbiddenTexts }
  | { readonly kind: 'ambiguous'; readonly why: string; readonly example: TwoReadings | null };

/** Two rows, each as column name to text, with one key. */
export interface TwoReadings {
  readonly key: string;
  readonly rows: readonly [ReadonlyMap<string, string>, ReadonlyMap<string, string>];
}

/** @param kinds of the template's columns, by name; one that is not there counts as `other` */
export function judgeTemplate(template: Template, kinds: ReadonlyMap<string, ColumnKind>): TemplateJudgement {
  const columns = templateColumns(template);
  if (columns.length <= 1) return { kind: 'unambiguous', forbidden: new Map() };
  const kindOf = (name: string): ColumnKind => kinds.get(name) ?? 'other';
  const unrestricted = findTwoReadings(template, kindOf, new Map());
  if (unrestricted === 'none') return { kind: 'unambiguous', forbidden: new Map() };
  const free = columns.filter((name) => ['text', 'other'].includes(kindOf(name)));
  // The last text may hold anything if all the others end at a separator; failing that, another one; failing that, none.
  for (const spared of [...free.toReversed(), null]) {
    const forbidden = separators(template, free, spared);
    if (findTwoReadings(template, kindOf, forbidden) === 'none') return { kind: 'unambiguous', forbidden };
  }
  if (unrestricted === 'unsure') {
    const why = `it cannot be shown that keys tell the values of ${columns.join(', ')} apart`;
    return { kind: 'ambiguous', why, example: null };
  }
  return { kind: 'ambiguous', why: describe(unrestricted), example: unrestricted };
}

function describe({ key, rows }: TwoReadings): string {
  const [first, second] = rows.map((row) =>
    [...row].map(([name, text]) => `${name} ${JSON.stringify(text)}`).join(', '),
  );
  return `${first} and ${second} have the same key ${JSON.stringify(key)}`;
}

/** What each text column but the spared one must not contain: what comes after it, or before it if right of that one. */
function separators(template: Template, free: readonly string[], spared: string | null): ForbiddenTexts {
  const pivot = template.findIndex((part) => part.kind === 'column' && part.name === spared);
  const found = new Map<string, string[]>();
  for (const [at, part] of template.entries()) {
    if (part.kind === 'literal' || part.name === spared || !free.includes(part.name)) continue;
    const neighbour = template[pivot !== -1 && at > pivot ? at - 1 : at + 1];
    if (neighbour?.kind !== 'literal') continue;
    const texts = found.get(part.name) ?? [];
    const text = shortestBorder(neighbour.text);
    found.set(part.name, texts.includes(text) ? texts : [...texts, text]);
  }
  return found;
}

/**
 * The shortest text with which a separator both begins and ends, itself if there is no shorter one. Behind a value that
 * does not contain it, it is found first where the separator begins: `::` after `a:` would be found too early, `:` is not.
 */
function shortestBorder(text: string): string {
  for (let length = 1; length < text.length; length += 1) {
    if (text.startsWith(text.slice(-length))) return text.slice(-length);
  }
  return text;
}

/** Where a reading stands: in which part, and what of it was read. The number tells it from all other places. */
interface Place {
  readonly part: number;
  readonly begun: string;
  readonly number: number;
}

/** Where two readings of one key stand, and by which character they came from where. */
interface Pair {
  readonly first: Place;
  readonly second: Place;
  readonly parted: boolean;
  readonly character: string;
  readonly before: Pair | null;
}

/** `unsure`: keys can be read in two ways, but in no way that was found does a column have one value throughout. */
function findTwoReadings(
  template: Template,
  kindOf: (name: string) => ColumnKind,
  forbidden: ForbiddenTexts,
): TwoReadings | 'none' | 'unsure' {
  const shapes = template.map((part) =>
    part.kind === 'literal'
      ? literalShape(part.text)
      : textShape(kindOf(part.name), forbidden.get(part.name)),
  );
  const step = stepper(shapes);
  const characters = charactersThatMatter(template);
  const start: Place = { part: 0, begun: '', number: 0 };
  const pairs: Pair[] = [{ first: start, second: start, parted: false, character: '', before: null }];
  const known = new Set<string>();
  let answer: 'none' | 'unsure' = 'none';
  for (const pair of pairs) {
    if (pair.parted && isEnd(shapes, pair.first) && isEnd(shapes, pair.second)) {
      const found = readBack(template, pair);
      if (found !== null) return found;
      answer = 'unsure';
    }
    for (const character of characters) {
      for (const next of nextPairs(pair, character, step)) {
        const identity = `${next.first.number} ${next.second.number} ${next.parted}`;
        if (known.has(identity)) continue;
        known.add(identity);
        pairs.push(next);
      }
    }
  }
  return answer;
}

type Step = (place: Place, character: string) => readonly Place[];

/** All places that one more character can lead to: in this part, or in a later one if those before may end. */
function stepper(shapes: readonly TextShape[]): Step {
  const places = new Map<string, Place>();
  const known = new Map<string, readonly Place[]>();
  const placeAt = (part: number, begun: string): Place => {
    const identity = `${part} ${begun}`;
    const place = places.get(identity) ?? { part, begun, number: places.size + 1 };
    places.set(identity, place);
    return place;
  };
  const stepFrom = ({ part, begun }: Place, character: string): Place[] => {
    const found: Place[] = [];
    for (const [later, shape] of shapes.slice(part).entries()) {
      const from = later === 0 ? begun : '';
      const next = shape.next(from, character);
      if (next !== null) found.push(placeAt(part + later, next));
      if (!shape.isWhole(from)) break;
    }
    return found;
  };
  return (place, character) => {
    const identity = `${place.number} ${character}`;
    const steps = known.get(identity) ?? stepFrom(place, character);
    known.set(identity, steps);
    return steps;
  };
}

function nextPairs(pair: Pair, character: string, step: Step): Pair[] {
  const seconds = step(pair.second, character);
  return step(pair.first, character).flatMap((first) =>
    seconds.flatMap((second): Pair[] => {
      // Which of the two is called the first does not matter until they part.
      if (!pair.parted && first.part > second.part) return [];
      const parted = pair.parted || first.part !== second.part;
      return [{ first, second, parted, character, before: pair }];
    }),
  );
}

function isEnd(shapes: readonly TextShape[], { part, begun }: Place): boolean {
  return shapes.slice(part).every((shape, at) => shape.isWhole(at === 0 ? begun : ''));
}

/** Every character that makes a difference to some part; of those that no part tells apart one stands for all. */
function charactersThatMatter(template: Template): string[] {
  const literals = template.flatMap((part) => (part.kind === 'literal' ? [part.text] : []));
  const known = new Set(['-0', 'true', 'false', ...literals].join(''));
  const digit = '123456789'.split('').find((character) => !known.has(character));
  const hexLetter = 'bcd'.split('').find((character) => !known.has(character));
  let other = 'x'.charCodeAt(0);
  while (known.has(String.fromCharCode(other))) other += 1;
  return [...known, digit ?? '', hexLetter ?? '', String.fromCharCode(other)].filter((text) => text !== '');
}

/** The two rows that a pair tells of; null when a column would have two values in one of them. */
function readBack(template: Template, end: Pair): TwoReadings | null {
  const firsts = new Map<number, string>();
  const seconds = new Map<number, string>();
  let key = '';
  for (let pair: Pair | null = end; pair !== null; pair = pair.before) {
    const { first, second, character } = pair;
    key = character + key;
    firsts.set(first.part, character + (firsts.get(first.part) ?? ''));
    seconds.set(second.part, character + (seconds.get(second.part) ?? ''));
  }
  const rows = [rowOf(template, firsts), rowOf(template, seconds)] as const;
  return rows[0] === null || rows[1] === null ? null : { key, rows: [rows[0], rows[1]] };
}

/** Texts of the template's parts as those of its columns; null when a column has two. */
function rowOf(template: Template, texts: ReadonlyMap<number, string>): ReadonlyMap<string, string> | null {
  const row = new Map<string, string>();
  for (const [at, part] of template.entries()) {
    if (part.kind === 'literal') continue;
    const text = texts.get(at) ?? '';
    if ((row.get(part.name) ?? text) !== text) return null;
    row.set(part.name, text);
  }
  return row;
}
