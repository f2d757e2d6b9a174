/**
 * Rows in JSON without losing digits: a number that would come out as another one (an id beyond 2^53) is kept as text.
 * Invariant kept: what is read stands for the very value that Postgres printed.
 */
import type { SourceSql } from './source-sql.ts';

/** Texts, which are passed over, and numbers. */
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Numbers of up to 15 digits, with no exponent, come out as they went in: no token of such a row needs to be looked at. In a
 * text this may find what is no number, which costs time and nothing else.
 */
const mayBeInexact = /[[,:]\s*-?(?:[\d.]{16}|[\d.]+[eE])/;

/** SQL: a whole row as text, for a statement that calls its table `claim`. Not jsonb, which does not take every text. */
export const rowAsJson = 'to_json(claim.*)::text';

/** The row without the column of changes, which is the reconciler's own. */
export function parseRow(
  json: string,
  { changeName }: Pick<SourceSql, 'changeName'>,
): Record<string, unknown> {
  const exact = mayBeInexact.test(json) ? withoutInexact(json) : json;
  const columns = Object.entries(JSON.parse(exact) as Record<string, unknown>);
  return Object.fromEntries(columns.filter(([name]) => name !== changeName));
}

function withoutInexact(json: string): string {
  return json.replaceAll(tokens, (token) =>
    token.startsWith('"') || isExact(token) ? token : JSON.stringify(token),
  );
}

function isExact(token: string): boolean {
  return plain(token) === plain(String(Number(token)));
}

/** Significant digits and exponent: equal for 1.50, 15e-1 and 1.5. */
function plain(token: string): string {
  const [mantissa = '', exponent = '0'] = token.toLowerCase().split('e');
  const [whole = '', decimals = ''] = mantissa.replace('-', '').split('.');
  const digits = (whole + decimals).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const sign = token.startsWith('-') ? '-' : '';
  return `${sign}${significant}e${Number(exponent) - decimals.length + digits.length - significant.length}`;
}
