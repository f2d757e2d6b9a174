/**
 * Cron expressions, their gaps, and timers that go on whatever a fire does.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { CronTimer, measureGaps, validateSchedule, type FireReason } from '../../src/schedule/cron.ts';
import type { ScheduleEvent } from '../../src/schedule/schedule-event.ts';
import { waitFor } from '../support/wait-for.ts';

describe('an expression', () => {
  it.each(['* * * * *', '*/10 * * * * *', '0 9-17 * * 1-5', '0 0 29 2 *', '@daily', '0 0 L * *'])(
    'is accepted: %s',
    (expression) => {
      expect(validateSchedule(expression)).toBeNull();
    },
  );

  it.each([
    ['every minute', /expected 5 or 6 fields|illegal characters/],
    ['* * * *', /expected 5 or 6 fields but got 4/],
    ['61 * * * * *', /61 is a invalid expression for second/],
    ['0 0 31 2 *', /impossible day of month/],
    ['', /expected 5 or 6 fields|illegal characters/],
  ])('is refused with the reason: "%s"', (expression, reason) => {
    expect(validateSchedule(expression)).toMatch(reason);
  });

  it('names all fields that are wrong', () => {
    expect(validateSchedule('61 61 * * * *')).toMatch(/second.*minute/);
  });
});

describe('the gaps between runs', () => {
  const second = 1_000;
  const hour = 3_600 * second;
  it.each([
    ['*/10 * * * * *', 10 * second, 10 * second],
    // The last run of an hour is followed by one that is sooner.
    ['*/7 * * * *', 240 * second, 420 * second],
    ['0 9,10 * * *', hour, 23 * hour],
  ])('of %s are %d to %d ms', (expression, shortestMs, longestMs) => {
    expect(measureGaps(expression, 'UTC')).toEqual({ shortestMs, longestMs });
  });
});

describe('a timer', () => {
  const events: ScheduleEvent[] = [];
  let nowMs = 0;
  let timer: CronTimer | null = null;
  afterEach(() => {
    timer?.stop();
    events.length = 0;
  });

  function createTimer(onFire: (reason: FireReason) => Promise<void>, schedule = '* * * * * *'): CronTimer {
    const readMonotonicMs = (): number => nowMs;
    const onEvent = (event: ScheduleEvent): void => void events.push(event);
    timer = new CronTimer({ task: 'gifts', schedule, timezone: 'UTC', readMonotonicMs, onFire, onEvent });
    return timer;
  }

  it('fires again and again, even if a fire throws', async () => {
    const reasons: string[] = [];
    createTimer(async (reason) => {
      reasons.push(reason);
      throw new Error('the store is down');
    }).start();
    await waitFor(() => reasons.length >= 2, { what: 'two fires' });
    expect(reasons.slice(0, 2)).toEqual(['regular', 'regular']);
    expect(events[0]).toEqual({ kind: 'fire_failed', task: 'gifts', reason: 'the store is down' });
  });

  it('drops a fire while the one before is under way, and says so', async () => {
    let fires = 0;
    let end: () => void = () => {};
    const hanging = new Promise<void>((resolve) => {
      end = resolve;
    });
    const firing = createTimer(async () => {
      fires += 1;
      await hanging;
    });
    firing.fire('regular');
    firing.fire('regular');
    expect(fires).toBe(1);
    expect(events).toEqual([{ kind: 'fire_overlapped', task: 'gifts' }]);
    end();
    await firing.ended();
    firing.fire('regular');
    expect(fires).toBe(2);
  });

  it('knows for how long a fire is under way, and can stop waiting for it', () => {
    let fires = 0;
    const firing = createTimer(async () => {
      fires += 1;
      await new Promise(() => {});
    });
    nowMs = 1_000;
    expect(firing.firingForMs(nowMs)).toBe(0);
    firing.fire('regular');
    expect(firing.firingForMs(5_000)).toBe(4_000);
    firing.abandonFire();
    firing.fire('regular');
    expect(fires).toBe(2);
  });

  it('is overdue once the run after the next one is past, by the monotonic clock, and never when stopped', () => {
    nowMs = 0;
    const waiting = createTimer(async () => {}, '0 * * * *');
    waiting.start();
    expect(waiting.isOverdue(3_600_000)).toBe(false);
    expect(waiting.isOverdue(2 * 3_600_000 + 1_001)).toBe(true);
    waiting.stop();
    expect(waiting.isOverdue(Number.MAX_SAFE_INTEGER)).toBe(false);
  });
});
