/**
 * Lines of claims as COPY writes them for the screening: `status,key,value,expiry,xid,id,` as JSON, control characters as they
 * are. Written from the manuals and not with the program's own code, so that both can be wrong only apart.
 */
import type { ClaimLines } from '../../src/redis/screen-markers.ts';

export interface ClaimLine {
  readonly status: 'g' | 'p' | 'r' | 'u';
  readonly key: string;
  /** Null: any value will do. */
  readonly value: string | null;
  readonly expiresAtMs: number;
}

export function linesOf(claims: readonly ClaimLine[]): ClaimLines {
  const texts = claims.map(({ status, key, value, expiresAtMs }, at) => {
    const fields = [status, key, value, String(expiresAtMs), '1001', String(at)];
    return Buffer.from(fields.map((field) => (field === null ? 'null,' : `${quoted(field)},`)).join(''));
  });
  let end = 0;
  const ends = Uint32Array.from(texts, ({ length }) => (end += length));
  return { bytes: Buffer.concat(texts), ends, count: claims.length };
}

/** CSV with the quote `"` and the escape `\`. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`;
}
