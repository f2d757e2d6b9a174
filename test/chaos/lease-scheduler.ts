/**
 * A process that schedules, for the test beside it. What it enqueues it writes into the
 * table `enqueued`, which forbids nothing.
 */
import { Pool } from 'pg';
import { connectStrict, untilReady } from '../../src/redis/connect.ts';
import { describeScheduleEvent, type ScheduleEvent } from '../../src/schedule/schedule-event.ts';
import { startScheduler } from '../../src/schedule/scheduler.ts';

const [redisUrl = '', databaseUrl = '', leaseKey = '', holder = ''] = process.argv.slice(2);
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
