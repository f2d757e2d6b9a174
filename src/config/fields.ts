/**
 * The building blocks of the schema. Every scalar of the tree is text, so each kind of value is a reading of text, with
 * a phrase that says what it must be. The phrase is the error message: "must be a duration such as 30s".
 */
import { z } from 'zod';
import { didYouMean } from '../domain/nearest-name.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { kindOf } from './problem.ts';

/** A value that `read` understands; it returns undefined for what it does not. Blanks at the ends are part of it. */
export function field<T>(mustBe: string, read: (text: string) => T | undefined): z.ZodType<T> {
  return z.unknown().transform((input, context): T => {
    const value = typeof input === 'string' ? read(input) : undefined;
    if (value !== undefined) return value;
    context.addIssue(complaint(input, mustBe));
    return z.NEVER;
  });
}

/** Any text but an empty one. */
export function text(mustBe: string): z.ZodType<string> {
  return field(mustBe, (value) => (value === '' ? undefined : value));
}

export function choice<T extends string>(words: readonly T[], because = ''): z.ZodType<T> {
  const list = `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
  return field(`must be ${list}${because}`, (value) => words.find((word) => word === value));
}

/** Milliseconds. The least is 1 ms unless zero is allowed. */
export function duration(limits: {
  readonly maxMs: number;
  readonly allowsZero?: boolean;
}): z.ZodType<number> {
  const { maxMs, allowsZero = false } = limits;
  const least = allowsZero ? '' : 'more than 0 and ';
  const mustBe = `must be a duration with its unit, such as 250ms, 30s, 5m, 2h or 180d, ${least}at most ${formatDuration(maxMs)}`;
  return field(mustBe, (value) => {
    const durationMs = parseDuration(value);
    if (durationMs === null || durationMs > maxMs || (durationMs === 0 && !allowsZero)) return undefined;
    return durationMs;
  });
}

export function integer(min: number, max: number): z.ZodType<number> {
  return field(`must be a whole number from ${min} to ${max}`, (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });
}

/** `5%` or `0.05`: more than 0 and at most 1. */
export function share(): z.ZodType<number> {
  return field('must be a share such as 5% or 0.05, more than 0 and at most 100%', (value) => {
    const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(value);
    const number = Number(match?.[1] ?? Number.NaN) / (match?.[2] === '%' ? 100 : 1);
    return number > 0 && number <= 1 ? number : undefined;
  });
}

/** A name in Postgres. It is quoted when used, so that case counts. */
export function identifier(what: string): z.ZodType<string> {
  return field(
    `must name ${what}: letters, digits, _ and $, not beginning with a digit, at most 63 characters`,
    (value) => (isIdentifier(value) ? value : undefined),
  );
}

export function isIdentifier(value: string): boolean {
  return /^[A-Za-z_][\w$]{0,62}$/.test(value);
}

/** A map of these keys and no others. One issue can complain about several unknown keys, a line for each. */
export function section<S extends z.core.$ZodLooseShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') {
        const mustBe = `must be a map with the keys ${known.join(', ')}`;
        return issue.input === undefined
          ? `is missing; it ${mustBe}`
          : `${mustBe}; it is ${kindOf(issue.input)}`;
      }
      return issue.keys.map((key) => unknownKey(key, known)).join('\n');
    },
  });
}

/** As `section`, for one that may be left out or left empty: all its keys have defaults. */
export function optionalSection<S extends z.core.$ZodLooseShape>(
  shape: S,
): z.ZodType<z.output<z.ZodObject<S, z.core.$strict>>> {
  return z.preprocess((input) => input ?? {}, section(shape));
}

/** One text or a list of them, which may be empty if `countMin` is 0. */
export function texts(mustBe: string, countMin: 0 | 1): z.ZodType<readonly string[]> {
  return z.unknown().transform((input, context): readonly string[] => {
    const list: readonly unknown[] = Array.isArray(input) ? input : [input];
    if (list.length < countMin) context.addIssue(complaint('', mustBe));
    return list.map((item, at) => {
      if (typeof item === 'string' && item !== '') return item;
      context.addIssue({ ...complaint(item, mustBe), path: Array.isArray(input) ? [at] : [] });
      return '';
    });
  });
}

/** One of these or a list of them; none when it is left empty. Problems of a single one are told without an index. */
export function anyNumberOf<T>(one: z.ZodType<T>): z.ZodType<readonly T[]> {
  return z.unknown().transform((input, context): readonly T[] => {
    const list: readonly unknown[] = Array.isArray(input) ? input : input == null ? [] : [input];
    return list.flatMap((item, at) => {
      const parsed = one.safeParse(item);
      if (parsed.success) return [parsed.data];
      const place = Array.isArray(input) ? [at] : [];
      for (const issue of parsed.error.issues) {
        context.issues.push({ ...issue, path: [...place, ...issue.path] } as z.core.$ZodRawIssue);
      }
      return [];
    });
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const suggestion = didYouMean(key, known);
  return `unknown key${suggestion === '' ? `; the keys here are ${known.join(', ')}` : suggestion}`;
}

function complaint(input: unknown, mustBe: string): { code: 'custom'; message: string; input: unknown } {
  if (input === undefined) return { code: 'custom', message: `is missing; it ${mustBe}`, input };
  if (input === null || input === '') return { code: 'custom', message: `is empty; it ${mustBe}`, input };
  if (typeof input !== 'string') {
    return { code: 'custom', message: `${mustBe}; it is ${kindOf(input)}`, input };
  }
  return { code: 'custom', message: mustBe, input };
}
