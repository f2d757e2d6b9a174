/**
 * The watchdog: timers go on when the clock is set, and a fire that hangs keeps no later one out.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClockReading } from '../../src/domain/lease-trust.ts';
import { CronTimer } from '../../src/schedule/cron.ts';
import type { ScheduleEvent } from '../../src/schedule/schedule-event.ts';
import { Watchdog } from '../../src/schedule/watchdog.ts';

const hourMs = 3_600_000;
const noon = new Date('2026-03-01T12:00:00.500Z');

/** Time moves only when a test says so. */
beforeEach(() => {
  vi.useFakeTimers({ now: noon });
});
afterEach(() => {
  vi.useRealTimers();
});

function readClocks(): ClockReading {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}

function watch(schedule: string, onFire: () => Promise<void>): { events: ScheduleEvent[]; stop: () => void } {
  const events: ScheduleEvent[] = [];
  const onEvent = (event: ScheduleEvent): void => void events.push(event);
  const readMonotonicMs = (): number => performance.now();
  const timer = new CronTimer({ task: 'gifts', schedule, timezone: 'UTC', readMonotonicMs, onFire, onEvent });
  const watchdog = new Watchdog({ timers: [timer], readClocks, fireLimitMs: 30_000, onEvent });
  timer.start();
  watchdog.start();
  return {
    events,
    stop: () => {
      timer.stop();
      watchdog.stop();
    },
  };
}

describe('a wall clock that is set', () => {
  it.each([
    ['back by two hours', -2 * hourMs],
    ['forward by an hour', hourMs],
    ['back by five seconds', -5_000],
  ])('%s is noticed within a second or so, and the task goes on in its interval', async (_name, byMs) => {
    let fires = 0;
    const { events, stop } = watch('*/10 * * * * *', async () => {
      fires += 1;
    });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(fires).toBe(3);
    vi.setSystemTime(Date.now() + byMs);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(events).toEqual([{ kind: 'clock_jumped', byMs: expect.closeTo(byMs, -2) }]);
    const before = fires;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(fires - before).toBeGreaterThanOrEqual(3);
    // Nothing is made good one by one, either.
    expect(fires - before).toBeLessThanOrEqual(4);
    stop();
  });

  it('by less than two seconds is taken for ordinary correction', async () => {
    const { events, stop } = watch('*/10 * * * * *', async () => {});
    vi.setSystemTime(Date.now() - 1_500);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(events).toEqual([]);
    stop();
  });
});

describe('a task that falls silent', () => {
  it('is fired, and its timer set anew, after two intervals', async () => {
    const reasons: string[] = [];
    const events: ScheduleEvent[] = [];
    const onEvent = (event: ScheduleEvent): void => void events.push(event);
    let skippedMs = 0;
    const monotonic = (): number => performance.now() + skippedMs;
    const timer = new CronTimer({
      task: 'gifts',
      schedule: '0 * * * *',
      timezone: 'UTC',
      readMonotonicMs: monotonic,
      onFire: async (reason) => void reasons.push(reason),
      onEvent,
    });
    const clocks = (): ClockReading => ({ monotonicMs: monotonic(), wallMs: Date.now() + skippedMs });
    const watchdog = new Watchdog({ timers: [timer], readClocks: clocks, fireLimitMs: 30_000, onEvent });
    timer.start();
    watchdog.look();
    expect(reasons).toEqual([]);
    // Both clocks go on, and the timer does not notice.
    skippedMs = 2 * hourMs + 60_000;
    watchdog.look();
    expect(events).toEqual([{ kind: 'fire_overdue', task: 'gifts' }]);
    expect(reasons).toEqual(['overdue']);
    watchdog.look();
    expect(reasons).toEqual(['overdue']);
    timer.stop();
  });
});

describe('a fire that hangs', () => {
  it('is given up after the limit, and the next one runs', async () => {
    let fires = 0;
    const { events, stop } = watch('*/10 * * * * *', async () => {
      fires += 1;
      if (fires === 1) await new Promise(() => {});
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(events.filter(({ kind }) => kind === 'fire_hung')).toEqual([
      { kind: 'fire_hung', task: 'gifts', forMs: expect.closeTo(30_000, -3.5) },
    ]);
    expect(events.filter(({ kind }) => kind === 'fire_overlapped')).toHaveLength(3);
    expect(fires).toBe(3);
    stop();
  });
});
