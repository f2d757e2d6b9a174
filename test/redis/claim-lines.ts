/**
 * Lines of claims as binary COPY sends them for the screening. Written from PostgreSQL's manual (messages, COPY) and not with
 * the program's own code, so that both can be wrong only apart.
 */
import type { ClaimLines } from '../../src/redis/screen-block.ts';

export interface ClaimLine {
  readonly status: 'g' | 'p' | 'r' | 'u';
  readonly key: string;
  /** Not looked at where values say nothing. */
  readonly value: string;
  readonly expiresAtMs: number;
}

export function linesOf(claims: readonly ClaimLine[]): ClaimLines {
  const lines = claims.map(({ status, key, value, expiresAtMs }, at) => {
    const texts = [status, key, value].map((text) => Buffer.from(text));
    const fields = [...texts, int8(BigInt(expiresAtMs)), int8(1001n), Buffer.from(String(at))];
    const rest = [Buffer.from([0, fields.length]), ...fields.flatMap((field) => [int4(field.length), field])];
    const length = rest.reduce((sum, part) => sum + part.length, 4);
    return Buffer.concat([Buffer.from('d'), int4(length), ...rest]);
  });
  let end = 0;
  const bounds = Uint32Array.from([0, ...lines.map(({ length }) => (end += length))]);
  return { bytes: Buffer.concat(lines), bounds, count: claims.length };
}

function int4(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(number);
  return bytes;
}

function int8(number: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(number);
  return bytes;
}
