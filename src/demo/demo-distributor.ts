/**
 * The demo's distributor: a small HTTP server that speaks the protocol of docs/distributor.md, keeps a book of what it
 * handed out, and fails as planned. Whoever wants to know what was really handed out asks the book.
 * Invariants kept: a key is decided once, and everybody who asks gets that answer; nothing is decided after its time.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readGrantRequest, type GrantRequest } from './grant-request.ts';

/**
 * What befalls a request to grant. Look-ups are always answered, by the book.
 * - `refuse`: decided with a no.
 * - `slow`: decided and answered only after the delay.
 * - `fail_before`: HTTP status 500; nothing is decided.
 * - `fail_after`: decided, then HTTP status 500.
 * - `lose_reply`: decided, then the connection is reset.
 * - `late_yes`: the connection is reset; decided only after the delay.
 * - `silent`: neither decided nor answered, for as long as the caller waits.
 */
export type DemoFault =
  'refuse' | 'slow' | 'fail_before' | 'fail_after' | 'lose_reply' | 'late_yes' | 'silent';

export interface FaultOptions {
  /** How many requests to grant it befalls: 1 unless given. The client's own retries count. */
  readonly times?: number;
  /** For `slow` and `late_yes`: 100 unless given. */
  readonly delayMs?: number;
  /** For `fail_before`: the connection is reset instead of an answer. */
  readonly resets?: boolean;
}

export interface BookEntry {
  readonly answer: 'granted' | 'refused';
  readonly claim: unknown;
  readonly markerKey: string;
  /** Unix milliseconds; null for what was refused. */
  readonly grantedAtMs: number | null;
}

export interface DemoDistributor {
  /** For the configuration of a distributor. */
  readonly url: string;
  /** Replaces what was planned for the attempt before. */
  plan(attempt: string, fault: DemoFault, options?: FaultOptions): void;
  /** While it is down every connection is reset, and what is late is decided all the same. */
  setDown(isDown: boolean): void;
  /** Every key that is decided, by attempt. */
  book(): ReadonlyMap<string, BookEntry>;
  /** The attempts that were handed what this marker stands for: more than one is a double grant. */
  grantsOf(markerKey: string): string[];
  close(): Promise<void>;
}

interface PlannedFault extends Required<FaultOptions> {
  readonly fault: DemoFault;
}

export interface DemoDistributorOptions {
  /** Whether a request that comes after its time is refused; it is, unless told otherwise. */
  readonly honoursNotAfter?: boolean;
}

export async function startDemoDistributor({
  honoursNotAfter = true,
}: DemoDistributorOptions = {}): Promise<DemoDistributor> {
  const state = new DistributorState(honoursNotAfter);
  const server = createServer((request, response) => {
    // A request that broke off in the middle: there is nobody left to answer.
    handle(state, request, response).catch(() => response.socket?.resetAndDestroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The distributor got no port');
  return {
    url: `http://127.0.0.1:${address.port}/grants`,
    plan: (attempt, fault, { times = 1, delayMs = 100, resets = false } = {}) =>
      void state.plans.set(attempt, { fault, times, delayMs, resets }),
    setDown: (isDown) => {
      state.isDown = isDown;
    },
    book: () => state.book,
    grantsOf: (markerKey) =>
      Array.from(state.book)
        .filter(([, entry]) => entry.answer === 'granted' && entry.markerKey === markerKey)
        .map(([attempt]) => attempt),
    close: async () => {
      if (!server.listening) return;
      for (const timer of state.timers) clearTimeout(timer);
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

class DistributorState {
  readonly book = new Map<string, BookEntry>();
  readonly plans = new Map<string, PlannedFault>();
  readonly timers = new Set<NodeJS.Timeout>();
  readonly #honoursNotAfter: boolean;
  isDown = false;

  constructor(honoursNotAfter: boolean) {
    this.#honoursNotAfter = honoursNotAfter;
  }

  /** The only place that decides. Null: its time is over, and nobody had decided it before. */
  decide(
    { attempt, markerKey, claim, notAfterMs }: GrantRequest,
    answer: BookEntry['answer'],
  ): BookEntry | null {
    const decided = this.book.get(attempt);
    if (decided !== undefined) return decided;
    const nowMs = Date.now();
    if (this.#honoursNotAfter && nowMs > notAfterMs) return null;
    const entry = { answer, claim, markerKey, grantedAtMs: answer === 'granted' ? nowMs : null };
    this.book.set(attempt, entry);
    return entry;
  }

  takeFault(attempt: string): PlannedFault | null {
    const planned = this.plans.get(attempt);
    if (planned === undefined || planned.times <= 0) return null;
    this.plans.set(attempt, { ...planned, times: planned.times - 1 });
    return planned;
  }

  later(delayMs: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, delayMs);
    this.timers.add(timer);
  }
}

async function handle(
  state: DistributorState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (state.isDown) {
    request.socket.resetAndDestroy();
    return;
  }
  const grant = await readGrantRequest(request);
  switch (grant.kind) {
    case 'lookup':
      answer(response, state.book.get(grant.attempt) ?? null);
      return;
    case 'grant':
      answerGrant(state, grant, response);
      return;
    case 'wrong':
      send(response, 400, { error: grant.why });
  }
}

function answerGrant(state: DistributorState, grant: GrantRequest, response: ServerResponse): void {
  const planned = state.takeFault(grant.attempt);
  const reset = (): void => void response.socket?.resetAndDestroy();
  switch (planned?.fault) {
    case undefined:
      answer(response, state.decide(grant, 'granted'));
      return;
    case 'refuse':
      answer(response, state.decide(grant, 'refused'));
      return;
    case 'slow':
      state.later(planned.delayMs, () => answer(response, state.decide(grant, 'granted')));
      return;
    case 'fail_before':
      if (planned.resets) reset();
      else send(response, 500, { error: 'it failed before it handed out' });
      return;
    case 'fail_after':
      state.decide(grant, 'granted');
      send(response, 500, { error: 'it failed after it had handed out' });
      return;
    case 'lose_reply':
      state.decide(grant, 'granted');
      reset();
      return;
    case 'late_yes':
      reset();
      state.later(planned.delayMs, () => state.decide(grant, 'granted'));
      return;
    case 'silent':
      return;
  }
}

/** @param entry null: nothing was handed out under this key */
function answer(response: ServerResponse, entry: BookEntry | null): void {
  if (entry === null) send(response, 404, { answer: 'not_granted' });
  else if (entry.answer === 'granted') send(response, 200, { answer: 'granted' });
  else send(response, 409, { answer: 'refused', reason: 'it was refused as planned' });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
