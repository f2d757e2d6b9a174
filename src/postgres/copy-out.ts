/**
 * Binary COPY … TO STDOUT as one buffer of lines and where each ends: the bytes as they come off the wire, never parsed, no
 * object per line. The driver is handed every other message, and so keeps the talk with the server going.
 * Invariant kept: the buffer holds whole lines only, in order; an error gives no lines at all.
 * Speaks pg's `Submittable` contract; the caller closes the connection after an error.
 */
import type { Duplex } from 'node:stream';
import type pg from 'pg';

/**
 * Each line is a message CopyData: a letter, the length of the rest (4 bytes), the number of fields (2 bytes), and each field
 * after its length (4 bytes; -1 for null).
 */
export interface CopiedLines {
  readonly bytes: Buffer;
  /** Line n (from 0) lies between entries n and n + 1. */
  readonly bounds: Uint32Array;
  readonly count: number;
}

/** The part of pg's connection that is used here. */
interface Wire {
  readonly stream: Duplex;
  query(text: string): void;
}

/** Runs a COPY statement with `format binary` on `client`. Rejects when it gives more than `linesMax` lines. */
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
/** Type and length of a message. */
const headBytes = 5;
/** The length of a message counts itself. */
const sizeMin = 4;
const copyData = 0x64;
/** Before the first line: signature, flags, length of extension. PostgreSQL sends it in one message with that line. */
const formatHeadBytes = 19;
/** After the last line, where the number of fields would be. */
const endOfLines = -1;

class CopyOut implements pg.Submittable {
  readonly #statement: string;
  readonly #resolve: (lines: CopiedLines) => void;
  readonly #reject: (error: Error) => void;
  readonly #bounds: Uint32Array;
  /** Lines, and behind them what is no whole message yet. */
  #bytes: Buffer;
  #length = 0;
  /** Where the first message begins that was not looked at. */
  #next = 0;
  #count = 0;
  /** Gives the stream back to the driver; null once it is. */
  #giveBack: (() => void) | null = null;
  #stream: Duplex | null = null;
  #driver: readonly ((chunk: Buffer) => void)[] = [];
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
    this.#bounds = new Uint32Array(linesMax + 1);
    // Memory that is not written to is not used: a short page costs what it holds.
    this.#bytes = Buffer.allocUnsafe((linesMax + 1) * lineBytes);
  }

  /** The connection is idle: what comes begins with the beginning of a message. */
  submit(connection: Wire): void {
    const { stream } = connection;
    const driver = stream.listeners('data') as ((chunk: Buffer) => void)[];
    const own = (chunk: Buffer): void => this.#take(chunk);
    for (const listener of driver) stream.off('data', listener);
    stream.on('data', own);
    this.#stream = stream;
    this.#driver = driver;
    this.#giveBack = () => {
      stream.off('data', own);
      for (const listener of driver) stream.on('data', listener);
      this.#giveBack = null;
    };
    connection.query(this.#statement);
  }

  handleReadyForQuery(): void {
    this.#giveBack?.();
    this.callback?.(null);
    const [bytes, bounds, count] = [this.#bytes, this.#bounds, this.#count];
    if (count < bounds.length) this.#resolve({ bytes, bounds, count });
    else
      this.#reject(new Error(`a COPY gave ${count} lines where at most ${bounds.length - 1} were asked for`));
  }

  handleError(error: Error): void {
    this.#giveBack?.();
    this.callback?.(error);
    this.#reject(error);
  }

  handleCommandComplete(): void {
    // The end of the statement is told by handleReadyForQuery.
  }

  #take(chunk: Buffer): void {
    if (this.#length + chunk.length > this.#bytes.length) this.#grow(chunk.length);
    this.#bytes.set(chunk, this.#length);
    this.#length += chunk.length;
    while (this.#giveBack !== null && this.#length - this.#next >= headBytes) {
      const size = this.#bytes.readInt32BE(this.#next + 1);
      const end = this.#next + 1 + size;
      if (size >= sizeMin && end > this.#length) return;
      if (size < sizeMin) this.#breakOff();
      else if (this.#bytes[this.#next] === copyData) this.#keepLine(end);
      else this.#passOn(end);
    }
    // The talk ended within this chunk: what follows is the driver's.
    if (this.#giveBack === null && this.#length > this.#next) this.#passOn(this.#length);
  }

  #keepLine(end: number): void {
    const start = this.#next;
    this.#next = end;
    if (this.#bounds[0] === 0) this.#beginLines(start + formatHeadBytes, end);
    const fieldsAt = (this.#bounds[this.#count] ?? start) + headBytes;
    // It may come by itself.
    if (fieldsAt === end && this.#count === 0) return this.#beginLines(end, end);
    if (fieldsAt + 2 > end) return this.#breakOff();
    if (this.#bytes.readInt16BE(fieldsAt) === endOfLines) return;
    this.#count += 1;
    this.#bounds[this.#count] = end;
  }

  /** Leaves the head of the format out, and makes of the rest of its message a message. */
  #beginLines(start: number, end: number): void {
    this.#bounds[0] = start;
    if (start + headBytes > end) return;
    this.#bytes[start] = copyData;
    this.#bytes.writeInt32BE(end - start - 1, start + 1);
  }

  /** What came cannot be understood, nor what will come. The driver tells of it, as of any connection that is lost. */
  #breakOff(): void {
    this.#giveBack?.();
    this.#next = this.#length;
    this.#stream?.destroy(new Error('the server sent something else than a COPY'));
  }

  /** Cuts out what is not a line. */
  #passOn(end: number): void {
    const message = Buffer.from(this.#bytes.subarray(this.#next, end));
    this.#bytes.copyWithin(this.#next, end, this.#length);
    this.#length -= message.length;
    for (const listener of this.#driver) listener(message);
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** The fields of line `line` (from 0), as Postgres sends each type. */
export function fieldsOfLine({ bytes, bounds }: CopiedLines, line: number): (Buffer | null)[] {
  let at = (bounds[line] ?? 0) + headBytes;
  const count = bytes.readInt16BE(at);
  at += 2;
  return Array.from({ length: count }, () => {
    const length = bytes.readInt32BE(at);
    at += 4 + Math.max(length, 0);
    return length < 0 ? null : bytes.subarray(at - length, at);
  });
}
