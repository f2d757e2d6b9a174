/**
 * The kinds of columns, by what their text looks like when Postgres prints it. Marker keys are made of these texts, and a
 * claim's marker is taken before its row is there: the text must be known without asking.
 * Invariant kept: what is not known to be printed in one way only is `other`.
 * Does not print or check values: see `claim-input.ts`.
 */

export const columnKinds = ['integer', 'uuid', 'boolean', 'text', 'other'] as const;

/** `text` is any text as it is, enums included; `other` is a type whose text is not known beforehand. */
export type ColumnKind = (typeof columnKinds)[number];

/** Not `character`, whose trailing spaces come and go, nor `numeric`, which prints 1 and 1.0 as they were written. */
const kindByType: ReadonlyMap<string, ColumnKind> = new Map([
  ['smallint', 'integer'],
  ['integer', 'integer'],
  ['bigint', 'integer'],
  ['uuid', 'uuid'],
  ['boolean', 'boolean'],
  ['text', 'text'],
  ['character varying', 'text'],
]);

/** @param sqlType as the catalog prints it, with or without a length; an enum's own name says nothing and is `other` */
export function kindOfType(sqlType: string): ColumnKind {
  return kindByType.get(sqlType.replace(/\(\d+\)$/, '')) ?? 'other';
}

/**
 * The texts of a column as they are read from left to right: which character may come next, and where a text may end.
 * What was read so far is cut down to what matters for the rest, so that there are few such beginnings; the first is ''.
 */
export interface TextShape {
  /** The beginning after one more character; null when no text of the column goes on so. */
  readonly next: (begun: string, character: string) => string | null;
  readonly isWhole: (begun: string) => boolean;
}

/** The texts that a column of this kind can hold, but for those that contain one of `forbidden`. */
export function textShape(kind: ColumnKind, forbidden: readonly string[] = []): TextShape {
  switch (kind) {
    case 'integer':
      return integerShape;
    case 'uuid':
      return uuidShape;
    case 'boolean':
      return booleanShape;
    case 'text':
    case 'other':
      return freeShape(forbidden);
  }
}

/** All that is left of an integer is its sign, whether it is 0, and its length: a bigint has 19 digits at most. */
const integerShape: TextShape = {
  next: (begun, character) => {
    const isLater = /\d$/.test(begun);
    const text = begun + (isLater ? character.replace(/\d/, '0') : character.replace(/[1-9]/, '1'));
    return /^(0|-?(10{0,18})?)$/.test(text) ? text : null;
  },
  isWhole: (begun) => /\d$/.test(begun),
};

const anyUuid = '00000000-0000-0000-0000-000000000000';

const uuidShape: TextShape = {
  next: (begun, character) => {
    const text = begun + (/^[\da-f]$/.test(character) ? '0' : character);
    return anyUuid.startsWith(text) ? text : null;
  },
  isWhole: (begun) => begun === anyUuid,
};

const booleans = ['true', 'false'];

const booleanShape: TextShape = {
  next: (begun, character) => {
    const text = begun + character;
    return booleans.some((word) => word.startsWith(text)) ? text : null;
  },
  isWhole: (begun) => booleans.includes(begun),
};

/** All that is left of a text is its longest ending with which a forbidden one may begin. */
function freeShape(forbidden: readonly string[]): TextShape {
  return {
    next: (begun, character) => {
      let text = begun + character;
      if (forbidden.some((part) => text.endsWith(part))) return null;
      while (text !== '' && !forbidden.some((part) => part.startsWith(text))) text = text.slice(1);
      return text;
    },
    isWhole: () => true,
  };
}

/** The shape of one text alone. */
export function literalShape(literal: string): TextShape {
  return {
    next: (begun, character) => (literal.startsWith(begun + character) ? begun + character : null),
    isWhole: (begun) => begun === literal,
  };
}
