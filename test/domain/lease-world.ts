/**
 * A small world to try leases in: processes with clocks of their own, a network that loses, repeats and reorders, a
 * Redis with one key, a Postgres that numbers terms and checks the numbers. Time moves only when a test says so.
 * The processes use the same decisions as the program; the rest is the plainest model of what surrounds it.
 */
import {
  afterRelease,
  afterRenewal,
  afterTime,
  judgeAcquisition,
  renewInMs,
  trustedForMs,
  type AcquireAnswer,
  type RenewAnswer,
  type Term,
} from '../../src/domain/lease-term.ts';
import {
  acquireTimeoutMs,
  defaultLeaseTiming as timing,
  elapsedMs,
  type ClockReading,
} from '../../src/domain/lease-trust.ts';

export const retryMs = 3_000;

type Operation = 'acquire' | 'renew' | 'release';

interface Message {
  readonly to: 'redis' | number;
  readonly life: number;
  readonly call: number;
  readonly operation: Operation;
  readonly term: string;
  readonly attempt: number;
  readonly answer?: AcquireAnswer | RenewAnswer;
  readonly from: number;
}

/** The one key, with the meaning of the three scripts. */
export class ModelRedis {
  value = '';
  expiresAtMs = 0;

  holds(value: string, nowMs: number): boolean {
    return this.value === value && this.expiresAtMs > nowMs;
  }

  current(nowMs: number): string | null {
    return this.value !== '' && this.expiresAtMs > nowMs ? this.value : null;
  }

  apply(
    { operation, term, attempt }: Pick<Message, 'operation' | 'term' | 'attempt'>,
    nowMs: number,
  ): AcquireAnswer | RenewAnswer {
    const current = this.current(nowMs);
    const value = `${term}.${attempt}`;
    if (operation === 'acquire') {
      const [holder, holderAttempt] = current?.split('.') ?? [term, '0'];
      if (holder !== term || Number(holderAttempt) > attempt) {
        return { kind: 'held', expiresInMs: this.expiresAtMs - nowMs };
      }
      this.value = value;
      this.expiresAtMs = nowMs + timing.ttlMs;
      return { kind: 'taken' };
    }
    if (current === null) return 'gone';
    if (current !== value) return 'foreign';
    this.expiresAtMs = operation === 'renew' ? nowMs + timing.ttlMs : 0;
    return 'renewed';
  }
}

interface Call {
  readonly id: number;
  readonly operation: 'acquire' | 'renew';
  readonly attempt: number;
  readonly sentAt: ClockReading;
}

interface Holding {
  readonly name: string;
  readonly attempt: number;
  term: Term;
  failedAt: ClockReading | null;
  /** Null until Postgres has numbered the term. */
  token: number | null;
}

export class Process {
  life = 0;
  running = true;
  asleep = false;
  sleptMs = 0;
  name: string;
  attempts = 0;
  call: Call | null = null;
  holding: Holding | null = null;
  retryAtMs = 0;
  readonly number: number;
  readonly rate: number;
  wallOffsetMs: number;

  constructor(number: number, rate: number, wallOffsetMs: number) {
    this.number = number;
    this.rate = rate;
    this.wallOffsetMs = wallOffsetMs;
    this.name = `${number}-0`;
  }

  clocks(nowMs: number): ClockReading {
    return { monotonicMs: (nowMs - this.sleptMs) * this.rate, wallMs: nowMs * this.rate + this.wallOffsetMs };
  }

  /** What it left in the key, as far as it knows. */
  value(): string {
    return this.holding === null ? '' : `${this.holding.name}.${this.holding.attempt}`;
  }

  /** What `guard()` would say at this moment. */
  isTrusted(nowMs: number): boolean {
    return this.holding !== null && trustedForMs(this.holding.term, this.clocks(nowMs), timing) > 0;
  }
}

export class World {
  nowMs = 1_000;
  readonly redis = new ModelRedis();
  readonly processes: readonly Process[];
  network: Message[] = [];
  lastToken = 0;
  /** What Postgres accepted: tokens in order. */
  readonly written: number[] = [];
  newestTokenSeen = 0;
  terms = 0;
  #calls = 0;
  #names = 0;

  constructor(clocks: readonly { rate: number; wallOffsetMs: number }[]) {
    this.processes = clocks.map(({ rate, wallOffsetMs }, index) => new Process(index, rate, wallOffsetMs));
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const process of this.processes) {
      if (process.asleep) process.sleptMs += ms;
      this.#runTimers(process);
    }
  }

  /** Messages are counted round: every number names one while there are any. */
  messageAt(index: number): Message | undefined {
    return this.network[index % this.network.length];
  }

  drop(index: number): void {
    this.network.splice(index % this.network.length, 1);
  }

  /** Delivers one message, leaving a copy on the network when `again`. */
  deliver(index: number, again = false): void {
    const message = this.messageAt(index);
    if (message === undefined) return;
    const receiver = message.to === 'redis' ? null : this.processes[message.to];
    // What is for a stopped process waits in its socket.
    if (receiver?.running === false) return;
    if (!again) this.network.splice(this.network.indexOf(message), 1);
    if (receiver == null) {
      this.network.push({ ...message, to: message.from, answer: this.redis.apply(message, this.nowMs) });
    } else {
      this.#receive(receiver, message);
    }
  }

  /** Delivers all that can be delivered, in order. */
  flow(): void {
    for (;;) {
      const next = this.network.findIndex(({ to }) => to === 'redis' || this.processes[to]?.running === true);
      if (next === -1) return;
      this.deliver(next);
    }
  }

  /** A guarded write: numbered if need be, checked by the process, then by Postgres. Whoever is refused makes way. */
  write(process: Process): boolean {
    const { holding } = process;
    if (!process.running || holding === null) return false;
    holding.token ??= this.lastToken += 1;
    if (!process.isTrusted(this.nowMs)) return false;
    const accepted = this.accept(holding.token);
    if (!accepted) this.release(process);
    return accepted;
  }

  /** What Postgres does with a write that arrives, perhaps long after it was sent. */
  accept(token: number): boolean {
    if (token < this.newestTokenSeen) return false;
    this.newestTokenSeen = token;
    this.written.push(token);
    return true;
  }

  release(process: Process): void {
    const { holding } = process;
    if (!process.running || holding === null) return;
    holding.term = afterRelease(holding.term);
    this.#send(process, 'release', holding.name, holding.attempt);
    this.#leave(process);
  }

  crash(process: Process): void {
    process.life += 1;
    process.running = true;
    process.asleep = false;
    process.call = null;
    this.#leave(process);
    this.#newTerm(process);
  }

  stop(process: Process, asleep: boolean): void {
    process.running = false;
    process.asleep = asleep;
  }

  resume(process: Process): void {
    process.running = true;
    process.asleep = false;
    this.#runTimers(process);
  }

  #runTimers(process: Process): void {
    if (!process.running) return;
    const clocks = process.clocks(this.nowMs);
    this.#endLateCall(process, clocks);
    const { holding } = process;
    if (holding === null) {
      if (process.call === null && this.nowMs >= process.retryAtMs) this.#ask(process);
      return;
    }
    holding.term = afterTime(holding.term, clocks, timing);
    if (holding.term.kind !== 'held') {
      this.#leave(process);
      return;
    }
    if (process.call !== null || renewInMs(holding.term, holding.failedAt, clocks, timing) !== 0) return;
    this.#call(process, 'renew', holding.name, holding.attempt);
  }

  #endLateCall(process: Process, clocks: ClockReading): void {
    const { call, holding } = process;
    if (call === null) return;
    const limitMs = call.operation === 'acquire' ? acquireTimeoutMs(timing) : timing.callTimeoutMs;
    if (elapsedMs(call.sentAt, clocks) < limitMs) return;
    process.call = null;
    if (call.operation === 'acquire') {
      this.#send(process, 'release', process.name, call.attempt);
      process.retryAtMs = this.nowMs + retryMs;
    } else if (holding !== null) {
      holding.failedAt = call.sentAt;
    }
  }

  #receive(process: Process, message: Message): void {
    const { call } = process;
    const clocks = process.clocks(this.nowMs);
    if (message.life !== process.life || call === null || call.id !== message.call) return;
    process.call = null;
    if (call.operation === 'acquire') {
      this.#afterAcquisition(process, call, message.answer as AcquireAnswer, clocks);
    } else if (process.holding !== null) {
      const { holding } = process;
      holding.failedAt = null;
      holding.term = afterRenewal(holding.term, message.answer as RenewAnswer, call.sentAt, clocks, timing);
      if (holding.term.kind !== 'held') this.#leave(process);
    }
  }

  #afterAcquisition(process: Process, call: Call, answer: AcquireAnswer, clocks: ClockReading): void {
    const verdict = judgeAcquisition(answer, call.sentAt, clocks, timing);
    process.retryAtMs = this.nowMs + retryMs;
    if (verdict === 'too_slow') this.#send(process, 'release', process.name, call.attempt);
    if (verdict !== 'acquired') return;
    const term: Term = { kind: 'held', renewedAt: call.sentAt };
    process.holding = { name: process.name, attempt: call.attempt, term, failedAt: null, token: null };
    this.terms += 1;
    this.#newTerm(process);
  }

  #ask(process: Process): void {
    process.attempts += 1;
    this.#call(process, 'acquire', process.name, process.attempts);
  }

  #call(process: Process, operation: 'acquire' | 'renew', name: string, attempt: number): void {
    const sentAt = process.clocks(this.nowMs);
    process.call = { id: this.#send(process, operation, name, attempt), operation, attempt, sentAt };
  }

  #send(process: Process, operation: Operation, term: string, attempt: number): number {
    this.#calls += 1;
    const { life, number } = process;
    this.network.push({ to: 'redis', from: number, life, call: this.#calls, operation, term, attempt });
    return this.#calls;
  }

  #leave(process: Process): void {
    process.holding = null;
    process.call = null;
    process.retryAtMs = this.nowMs + retryMs;
  }

  #newTerm(process: Process): void {
    this.#names += 1;
    process.name = `${process.number}-${this.#names}`;
    process.attempts = 0;
  }
}
