/**
 * Blocks of claim lines as COPY writes them, for the screening: `status TAB key TAB value TAB expiry TAB xid TAB id`.
 * Written from the manual of PostgreSQL and not with the program's own code, so that both can be wrong only apart.
 */
import type { ClaimBlock } from '../../src/redis/screen-markers.ts';

export interface ClaimLine {
  readonly status: 'g' | 'p' | 'r' | 'u';
  readonly key: string;
  /** Null: any value will do. */
  readonly value: string | null;
  readonly expiresAtMs: number;
}

export function blockOf(lines: readonly ClaimLine[]): ClaimBlock {
  const text = lines.map(({ status, key, value, expiresAtMs }, at) =>
    [status, escaped(key), value === null ? '\\N' : escaped(value), expiresAtMs, '1001', at].join('\t'),
  );
  return { bytes: Buffer.from(text.map((line) => `${line}\n`).join('')), lines: lines.length };
}

/** The table of escapes in the manual's page on COPY. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('\b', '\\b')
    .replaceAll('\f', '\\f')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll('\v', '\\v');
}
