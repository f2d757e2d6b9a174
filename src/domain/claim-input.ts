/**
 * What an application says of a claim it wants: checked, and printed as Postgres will print it, so that marker key and
 * value are known before the row is there.
 * Invariants kept: everything that is wrong is told at once; a value that passes has one text only.
 * Does not know every type: a column of another kind is passed on as it is, and is part of no marker.
 */
import type { ColumnKind } from './column-kind.ts';
import { didYouMean } from './nearest-name.ts';
import type { ColumnValue } from './open-claim.ts';
import { templateColumns, type Template } from './template.ts';

/** What an application may give for a column. */
export type ColumnInput = ColumnValue | bigint;

/** Far above any id; an entry of the open-claims index holds all of a claim's texts. */
const textLengthMax = 512;
const attemptLengthMax = 200;

export interface InputColumn {
  readonly kind: ColumnKind;
  readonly sqlType: string;
  readonly isGiven: boolean;
  readonly isNeeded: boolean;
}

/** A claim table as far as input goes. */
export interface ClaimShape {
  readonly columns: ReadonlyMap<string, InputColumn>;
  /** The column that holds the attempt. */
  readonly attempt: string;
  /** The other columns that the gate fills in itself. */
  readonly own: readonly string[];
  readonly key: Template;
  /** Null: the marker holds the attempt. */
  readonly value: Template | null;
  /** By column the texts it must not contain: with them two claims could have one marker. */
  readonly forbidden: ReadonlyMap<string, readonly string[]>;
}

export interface CheckedClaim {
  readonly attempt: string;
  /** In one form each: integers as numbers where these are exact, else as decimal text; uuids in lower case. */
  readonly columns: Readonly<Record<string, ColumnValue>>;
  readonly markerKey: string;
  readonly markerValue: string;
}

/** Adds what is wrong to `problems`; the result counts only if there is none. */
export type ClaimCheck = (attempt: unknown, columns: unknown, problems: string[]) => CheckedClaim;

export type AttemptCheck = (attempt: unknown, problems: string[]) => string;

type Reading = { readonly value: ColumnValue; readonly text: string } | { readonly problem: string };
type Reader = (value: unknown) => Reading;

/** Prepares all that does not depend on the single claim, so that a check costs microseconds. */
export function compileClaimCheck(shape: ClaimShape): ClaimCheck {
  const printed = new Set([...templateColumns(shape.key), ...templateColumns(shape.value ?? [])]);
  const readers = new Map<string, Reader>();
  const needed: string[] = [];
  for (const [name, column] of shape.columns) {
    const isNeeded = column.isNeeded || printed.has(name);
    const isOwn = name === shape.attempt || shape.own.includes(name);
    readers.set(name, isOwn ? ownColumn : columnReader(column, isNeeded, shape.forbidden.get(name) ?? []));
    if (isNeeded && !isOwn) needed.push(name);
  }
  const checkAttempt = compileAttemptCheck(shape);
  const printKey = printer(shape.key);
  const printValue = printer(shape.value ?? [{ kind: 'column', name: shape.attempt }]);
  return (givenAttempt, givenColumns, problems) => {
    const texts = new Map<string, string>();
    const columns: Record<string, ColumnValue> = {};
    if (isMap(givenColumns)) {
      const given = new Set(Object.keys(givenColumns));
      for (const [name, value] of Object.entries(givenColumns)) {
        const reading = (readers.get(name) ?? unknownColumn(name, [...readers.keys()]))(value);
        if ('problem' in reading) problems.push(`${name}: ${reading.problem}`);
        else {
          columns[name] = reading.value;
          texts.set(name, reading.text);
        }
      }
      for (const name of needed) if (!given.has(name)) problems.push(`${name}: is missing`);
    } else problems.push('columns: must be an object that has the columns of the claim by name');
    const attempt = checkAttempt(givenAttempt, problems);
    texts.set(shape.attempt, attempt);
    return { attempt, columns, markerKey: printKey(texts), markerValue: printValue(texts) };
  };
}

/** The same for an attempt alone. */
export function compileAttemptCheck({ columns, attempt, forbidden }: ClaimShape): AttemptCheck {
  const isUuid = columns.get(attempt)?.kind === 'uuid';
  const read = isUuid ? readUuid : textReader(attemptLengthMax, forbidden.get(attempt) ?? []);
  return (value, problems) => {
    const reading = value === '' ? unfit('a text that is not empty', value) : read(value);
    if ('text' in reading) return reading.text;
    problems.push(`attempt: ${reading.problem}`);
    return '';
  };
}

function printer(template: Template): (texts: ReadonlyMap<string, string>) => string {
  return (texts) =>
    template.map((part) => (part.kind === 'literal' ? part.text : texts.get(part.name))).join('');
}

const ownColumn: Reader = () => ({ problem: 'is set by the gate; leave it out' });
const madeColumn: Reader = () => ({ problem: 'is made by Postgres; leave it out' });

function unknownColumn(name: string, known: readonly string[]): Reader {
  return () => ({ problem: `is no column of the table${didYouMean(name, known)}` });
}

function columnReader(column: InputColumn, isNeeded: boolean, forbidden: readonly string[]): Reader {
  if (!column.isGiven) return madeColumn;
  const read = kindReader(column, forbidden);
  return (value) => {
    if (value !== null) return read(value);
    return isNeeded ? { problem: 'must not be null' } : { value, text: '' };
  };
}

function kindReader({ kind, sqlType }: InputColumn, forbidden: readonly string[]): Reader {
  switch (kind) {
    case 'integer':
      return integerReader(sqlType);
    case 'uuid':
      return readUuid;
    case 'boolean':
      return readBoolean;
    case 'text':
      return textReader(textLengthMax, forbidden);
    case 'other':
      return readOther;
  }
}

const integerBits: Readonly<Record<string, bigint>> = { smallint: 16n, integer: 32n };

function integerReader(sqlType: string): Reader {
  const half = 1n << ((integerBits[sqlType] ?? 64n) - 1n);
  const what = `an integer from ${-half} to ${half - 1n}, as a number, a bigint or decimal text`;
  return (value) => {
    const exact = exactInteger(value);
    if (exact === null || exact < -half || exact >= half) return unfit(what, value);
    const [text, number] = [String(exact), Number(exact)];
    return { value: Number.isSafeInteger(number) ? number : text, text };
  };
}

/** Null for what is no integer, or not sure to be the one that was meant. */
function exactInteger(value: unknown): bigint | null {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null;
  return typeof value === 'string' && /^(0|-?[1-9]\d{0,18})$/.test(value) ? BigInt(value) : null;
}

function readUuid(value: unknown): Reading {
  if (typeof value !== 'string' || !/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value)) {
    return unfit('a uuid, such as 0198b4c2-6f3e-7cc1-9a51-3d2f8e6b7a90', value);
  }
  const text = value.toLowerCase();
  return { value: text, text };
}

function readBoolean(value: unknown): Reading {
  return typeof value === 'boolean' ? { value, text: String(value) } : unfit('true or false', value);
}

function textReader(lengthMax: number, forbidden: readonly string[]): Reader {
  return (value) => {
    if (typeof value !== 'string') return unfit('a text', value);
    if (value.length > lengthMax) {
      return { problem: `must have at most ${lengthMax} characters; it has ${value.length}` };
    }
    if (value.includes('\u0000')) return { problem: 'must not contain U+0000, which Postgres cannot hold' };
    if (/\p{Surrogate}/u.test(value)) return { problem: 'must not contain half of a surrogate pair' };
    const found = forbidden.find((part) => value.includes(part));
    if (found === undefined) return { value, text: value };
    return { problem: `must not contain ${JSON.stringify(found)}: another claim could have the same marker` };
  };
}

const readOtherText = textReader(textLengthMax, []);

/** As text Postgres reads it by the column's own rules. */
function readOther(value: unknown): Reading {
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)))
    return { value, text: String(value) };
  return readOtherText(value);
}

function unfit(what: string, value: unknown): Reading {
  return { problem: `must be ${what}; it is ${show(value)}` };
}

const shownMax = 40;

/** A value in a few words. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > shownMax ? `a text of ${value.length} characters` : JSON.stringify(value);
  }
  if (value === null || ['undefined', 'number', 'bigint', 'boolean'].includes(typeof value))
    return String(value);
  return Array.isArray(value) ? 'a list' : `of type ${typeof value}`;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
