/**
 * COPY … TO STDOUT as blocks of whole lines, copied once from the driver's buffer and never parsed.
 * Invariant kept: a block holds whole lines only; an error gives no blocks at all.
 * Speaks pg's `Submittable` contract; the caller closes the connection after an error.
 */
import type pg from 'pg';

export interface LineBlock {
  readonly bytes: Buffer;
  readonly lines: number;
}

/** The part of pg's connection that is used here. */
interface Wire {
  query(text: string): void;
}

/** Runs a COPY statement on `client` and returns its lines, `linesPerBlock` to a block. */
export async function copyOut(
  client: pg.ClientBase,
  statement: string,
  linesPerBlock: number,
): Promise<LineBlock[]> {
  return new Promise((resolve, reject) => {
    client.query(new CopyOut(statement, linesPerBlock, resolve, reject));
  });
}

class CopyOut implements pg.Submittable {
  readonly #statement: string;
  readonly #linesPerBlock: number;
  readonly #resolve: (blocks: LineBlock[]) => void;
  readonly #reject: (error: Error) => void;
  readonly #blocks: LineBlock[] = [];
  #buffer: Buffer;
  #length = 0;
  #lines = 0;
  /** Set by pg when a query timeout is configured; told when the query has ended. */
  callback?: (error: Error | null) => void;

  constructor(
    statement: string,
    linesPerBlock: number,
    resolve: (blocks: LineBlock[]) => void,
    reject: (error: Error) => void,
  ) {
    this.#statement = statement;
    this.#linesPerBlock = linesPerBlock;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#buffer = Buffer.allocUnsafe(linesPerBlock * 128);
  }

  submit(connection: Wire): void {
    connection.query(this.#statement);
  }

  /** One message is one line; its bytes are only valid during the call. */
  handleCopyData(message: { readonly chunk: Buffer }): void {
    const { chunk } = message;
    if (this.#length + chunk.length > this.#buffer.length) this.#grow(chunk.length);
    chunk.copy(this.#buffer, this.#length);
    this.#length += chunk.length;
    this.#lines += 1;
    if (this.#lines === this.#linesPerBlock) this.#closeBlock();
  }

  handleReadyForQuery(): void {
    if (this.#lines > 0) this.#closeBlock();
    this.callback?.(null);
    this.#resolve(this.#blocks);
  }

  handleError(error: Error): void {
    this.callback?.(error);
    this.#reject(error);
  }

  handleCommandComplete(): void {
    // The end of the statement is told by handleReadyForQuery.
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  #closeBlock(): void {
    this.#blocks.push({ bytes: this.#buffer.subarray(0, this.#length), lines: this.#lines });
    this.#buffer = Buffer.allocUnsafe(Math.max(this.#linesPerBlock * 128, this.#length + 1024));
    this.#length = 0;
    this.#lines = 0;
  }
}

const escapes: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The fields of line `line` (from 0) of a block, unescaped. */
export function fieldsOfLine(block: LineBlock, line: number): string[] {
  let start = 0;
  for (let skipped = 0; skipped < line; skipped += 1) start = block.bytes.indexOf(0x0a, start) + 1;
  const end = block.bytes.indexOf(0x0a, start);
  const text = block.bytes.toString('utf8', start, end);
  return text.split('\t').map((field) => field.replaceAll(/\\(.)/g, (_, c: string) => escapes[c] ?? c));
}
