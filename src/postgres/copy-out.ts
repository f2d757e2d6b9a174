/**
 * COPY … TO STDOUT as one buffer of lines and where each ends, copied once from the driver's buffer and never parsed.
 * Invariant kept: it holds whole lines only, in order; an error gives no lines at all.
 * Speaks pg's `Submittable` contract; the caller closes the connection after an error.
 */
import type pg from 'pg';

/** Each line is the inside of a JSON array with a comma after it, so that any run of lines is one too. */
export interface CopiedLines {
  readonly bytes: Buffer;
  /** Where line n (from 0) ends in `bytes`; the next one begins there. */
  readonly ends: Uint32Array;
  readonly count: number;
}

/**
 * Options of COPY under which a line is the inside of a JSON array of texts and nulls: CSV, with JSON's quote and escape. The
 * one difference is that control characters in a text stay as they are; Redis's decoder takes them.
 */
export const asJsonLines = `(format csv, quote '"', escape e'\\\\', null 'null', force_quote *)`;

/** The part of pg's connection that is used here. */
interface Wire {
  query(text: string): void;
}

/** Runs a COPY statement with the options `asJsonLines` on `client`. Rejects when it gives more than `linesMax` lines. */
export async function copyOut(
  client: pg.ClientBase,
  statement: string,
  linesMax: number,
): Promise<CopiedLines> {
  return new Promise((resolve, reject) => {
    client.query(new CopyOut(statement, linesMax, resolve, reject));
  });
}

/** Most lines are shorter; the buffer grows where they are not. */
const lineBytes = 112;
const comma = 0x2c;

class CopyOut implements pg.Submittable {
  readonly #statement: string;
  readonly #resolve: (lines: CopiedLines) => void;
  readonly #reject: (error: Error) => void;
  readonly #ends: Uint32Array;
  #bytes: Buffer;
  #length = 0;
  #count = 0;
  /** Set by pg when a query timeout is configured; told when the query has ended. */
  callback?: (error: Error | null) => void;

  constructor(
    statement: string,
    linesMax: number,
    resolve: (lines: CopiedLines) => void,
    reject: (error: Error) => void,
  ) {
    this.#statement = statement;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#ends = new Uint32Array(linesMax);
    // Memory that is not written to is not used: a short page costs what it holds.
    this.#bytes = Buffer.allocUnsafe(linesMax * lineBytes);
  }

  submit(connection: Wire): void {
    connection.query(this.#statement);
  }

  /** One message is one line; its bytes are only valid during the call. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    if (this.#length + chunk.length > this.#bytes.length) this.#grow(chunk.length);
    chunk.copy(this.#bytes, this.#length);
    this.#length += chunk.length;
    this.#bytes[this.#length - 1] = comma;
    this.#ends[this.#count] = this.#length;
    this.#count += 1;
  }

  handleReadyForQuery(): void {
    this.callback?.(null);
    const [bytes, ends, count] = [this.#bytes, this.#ends, this.#count];
    if (count <= ends.length) this.#resolve({ bytes, ends, count });
    else this.#reject(new Error(`a COPY gave ${count} lines where at most ${ends.length} were asked for`));
  }

  handleError(error: Error): void {
    this.callback?.(error);
    this.#reject(error);
  }

  handleCommandComplete(): void {
    // The end of the statement is told by handleReadyForQuery.
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** The fields of line `line` (from 0). */
export function fieldsOfLine({ bytes, ends }: CopiedLines, line: number): (string | null)[] {
  const end = ends[line] ?? 0;
  const text = bytes.toString('utf8', line === 0 ? 0 : ends[line - 1], end - 1);
  return JSON.parse(`[${text.replaceAll(/\p{Cc}/gu, escapeControl)}]`) as (string | null)[];
}

function escapeControl(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
