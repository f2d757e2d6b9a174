/**
 * A process that schedules, for the test beside it, with a clock that may be wrong. What it enqueues it writes into the
 * table `enqueued`, which forbids nothing.
 */
import { Pool } from 'pg';
import type { ScheduleEvent } from '../../src/schedule/schedule-event.ts';

const [redisUrl = '', databaseUrl = '', leaseKey = '', holder = '', offset = '0'] = process.argv.slice(2);

setClock(Number(offset));

// Only now: what they import must see the wrong clock from the start.
const { connectStrict, untilReady } = await import('../../src/redis/connect.ts');
const { describeScheduleEvent } = await import('../../src/schedule/schedule-event.ts');
const { startScheduler } = await import('../../src/schedule/scheduler.ts');

const pool = new Pool({ connectionString: databaseUrl });
const leases = connectStrict(redisUrl, { onError: () => {} });
await untilReady(leases, 10_000);
console.log(`clock ${new Date().toISOString()}`);

startScheduler({
  leases,
  pool,
  leaseKey,
  holder,
  timing: { ttlMs: 3_000, renewEveryMs: 1_000, callTimeoutMs: 500 },
  timezone: 'UTC',
  tasks: [
    { name: 'gifts', schedule: '* * * * * *' },
    { name: 'orders', schedule: '*/2 * * * * *' },
  ],
  enqueue: async ({ source, slot }) => {
    await pool.query('insert into enqueued (task, slot, holder) values ($1, $2, $3)', [source, slot, holder]);
    return 'enqueued';
  },
  onEvent: (event: ScheduleEvent) => console.log(`${event.kind} ${describeScheduleEvent(event).text}`),
});

/** Shows this whole process a wall clock that is off by so much. The monotonic clock stays as it is. */
function setClock(offsetMs: number): void {
  const RealDate = Date;
  class ShiftedDate extends RealDate {
    constructor(...args: [] | [number]) {
      if (args.length === 0) super(RealDate.now() + offsetMs);
      else super(...args);
    }

    static override now(): number {
      return RealDate.now() + offsetMs;
    }
  }
  Object.defineProperty(globalThis, 'Date', { value: ShiftedDate });
}
