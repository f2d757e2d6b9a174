/**
 * FAULTS "The lease" 21: random histories of acquiring, renewing, releasing, crashing, stopping, losing, repeating and
 * reordering, with fake clocks. In each of them the invariants of the lease hold.
 */
import {
  array,
  assert,
  constant,
  constantFrom,
  double,
  integer,
  nat,
  oneof,
  property,
  record,
  type Arbitrary,
  type WeightedArbitrary,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acquireTimeoutMs, defaultLeaseTiming as timing } from '../../src/domain/lease-trust.ts';
import { chooseSeed } from '../support/seeded-random.ts';
import { retryMs, World, type Process } from './lease-world.ts';

const seed = chooseSeed('lease histories');

const runs = 200;
const stepsMax = 150;

type Step =
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'deliver' | 'repeat' | 'drop'; readonly index: number }
  | {
      readonly kind: 'write' | 'late_write' | 'release' | 'crash' | 'stop' | 'sleep' | 'resume';
      readonly who: number;
    }
  | { readonly kind: 'flow' | 'lose_key' };

const index = nat(9);
const who = nat(2);

const steps: WeightedArbitrary<Step>[] = [
  {
    weight: 14,
    arbitrary: record({ kind: constant('advance' as const), ms: integer({ min: 1, max: 3_000 }) }),
  },
  {
    weight: 1,
    arbitrary: record({ kind: constant('advance' as const), ms: integer({ min: 1, max: 20_000 }) }),
  },
  // In order and at once, as on a good day.
  { weight: 10, arbitrary: constant({ kind: 'flow' as const }) },
  { weight: 6, arbitrary: record({ kind: constant('deliver' as const), index }) },
  { weight: 3, arbitrary: record({ kind: constantFrom('drop' as const, 'repeat' as const), index }) },
  { weight: 5, arbitrary: record({ kind: constantFrom('write' as const, 'late_write' as const), who }) },
  { weight: 2, arbitrary: record({ kind: constantFrom('release' as const, 'crash' as const), who }) },
  { weight: 1, arbitrary: record({ kind: constantFrom('stop' as const, 'sleep' as const), who }) },
  { weight: 3, arbitrary: record({ kind: constant('resume' as const), who }) },
];

const clocks = array(
  record({
    rate: double({ min: 0.95, max: 1.05, noNaN: true }),
    wallOffsetMs: constantFrom(0, 3_600_000, -3_600_000),
  }),
  { minLength: 3, maxLength: 3 },
);

function histories(withLoss: boolean): Arbitrary<Step[]> {
  const loss: WeightedArbitrary<Step> = { weight: 1, arbitrary: constant({ kind: 'lose_key' as const }) };
  return array(oneof(...steps, ...(withLoss ? [loss] : [])), {
    minLength: 40,
    maxLength: stepsMax,
    size: 'max',
  });
}

/** Writes on their way to Postgres. */
const late: { token: number }[] = [];

function carryOut(world: World, step: Step): void {
  switch (step.kind) {
    case 'advance':
      return world.advance(step.ms);
    case 'deliver':
      return world.deliver(step.index);
    case 'repeat':
      return world.deliver(step.index, true);
    case 'drop':
      return world.drop(step.index);
    case 'lose_key':
      world.redis.expiresAtMs = 0;
      return;
    case 'flow':
      return world.flow();
    case 'write':
    case 'late_write':
    case 'release':
    case 'crash':
    case 'stop':
    case 'sleep':
    case 'resume':
      return carryOutAt(world, step.kind, step.who);
  }
}

type At = Extract<Step, { readonly who: number }>['kind'];

function carryOutAt(world: World, kind: At, number: number): void {
  const process = world.processes[number];
  if (process === undefined) return;
  switch (kind) {
    case 'write':
      world.write(process);
      return;
    case 'late_write':
      if (process.running && process.holding?.token != null && process.isTrusted(world.nowMs)) {
        late.push({ token: process.holding.token });
      }
      if (late.length > 2) world.accept(late.shift()?.token ?? 0);
      return;
    case 'release':
      return world.release(process);
    case 'crash':
      return world.crash(process);
    case 'stop':
      return world.stop(process, false);
    case 'sleep':
      return world.stop(process, true);
    case 'resume':
      return world.resume(process);
  }
}

/** L3: whoever acts on the key, another's stays as it was. Checked where messages reach Redis. */
function checkForeignKeyUntouched(world: World, step: Step): void {
  if (step.kind !== 'deliver' && step.kind !== 'repeat') return;
  const message = world.messageAt(step.index);
  const before = world.redis.current(world.nowMs);
  if (message?.to !== 'redis' || before === null || before.startsWith(`${message.term}.`)) return;
  const expiresAtMs = world.redis.expiresAtMs;
  world.redis.apply(message, world.nowMs);
  expect(world.redis.current(world.nowMs)).toBe(before);
  expect(world.redis.expiresAtMs).toBe(expiresAtMs);
}

function checkCallsSettle(world: World): void {
  for (const process of world.processes) {
    if (!process.running || process.call === null) continue;
    const ageMs = process.clocks(world.nowMs).wallMs - process.call.sentAt.wallMs;
    expect(ageMs).toBeLessThan(Math.max(timing.callTimeoutMs, acquireTimeoutMs(timing)));
  }
}

/** Faults end: everything runs and is delivered at once. */
function runHealthy(world: World, forMs: number, until: () => boolean): boolean {
  for (const process of world.processes) world.resume(process);
  const endMs = world.nowMs + forMs;
  while (world.nowMs < endMs) {
    world.flow();
    if (until()) return true;
    world.advance(50);
  }
  return until();
}

describe('a lease under random faults', () => {
  it('is trusted only by the one whose key is in Redis, and by one at a time', () => {
    let terms = 0;
    assert(
      property(clocks, histories(false), (clockRates, history) => {
        const world = new World(clockRates);
        late.length = 0;
        for (const step of history) {
          checkForeignKeyUntouched(world, step);
          carryOut(world, step);
          const trusting = world.processes.filter((process) => process.isTrusted(world.nowMs));
          expect(trusting.length).toBeLessThanOrEqual(1);
          for (const process of trusting) expect(world.redis.holds(process.value(), world.nowMs)).toBe(true);
          checkCallsSettle(world);
        }
        terms += world.terms;
      }),
      { seed, numRuns: runs },
    );
    // Enough happened for this to mean something.
    expect(terms).toBeGreaterThan(runs);
  });

  it('writes in the order of its tokens even when Redis loses the key', () => {
    assert(
      property(clocks, histories(true), (clockRates, history) => {
        const world = new World(clockRates);
        late.length = 0;
        for (const step of history) {
          carryOut(world, step);
          checkCallsSettle(world);
        }
        expect(world.written).toEqual(world.written.toSorted((left, right) => left - right));
      }),
      { seed, numRuns: runs },
    );
  });

  it('is held again within a TTL and a retry once faults end', () => {
    assert(
      property(clocks, histories(true), (clockRates, history) => {
        const world = new World(clockRates);
        late.length = 0;
        for (const step of history) carryOut(world, step);
        const { processes, redis } = world;
        const holds = (process: Process): boolean =>
          process.isTrusted(world.nowMs) && redis.holds(process.value(), world.nowMs);
        const limitMs = timing.ttlMs + retryMs + timing.callTimeoutMs;
        expect(runHealthy(world, limitMs, () => processes.some(holds))).toBe(true);
        // Whoever holds it may have been fenced out by a number taken late: then it makes way, and the next one writes.
        const writes = (): boolean => processes.some((process) => holds(process) && world.write(process));
        expect(runHealthy(world, 2 * retryMs, writes)).toBe(true);
      }),
      { seed, numRuns: runs },
    );
  });
});
