/**
 * A large window shared by two daemons, as processes, one of which is killed in mid-chunk: nothing is lost, nothing is
 * found twice.
 */
import { beforeEach, expect, it } from 'vitest';
import { shopConfig } from '../cli/support/shop-config.ts';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { startProcess, type ProcessHandle } from '../support/process-handle.ts';
import { waitFor } from '../support/wait-for.ts';
import { addManyClaims } from './support/many-claims.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

const claims = 30_000;
/** Slow enough that a chunk lasts. */
const reading = '{ rowsPerSecond: 5000, chunks: { over: 0, rows: 2000 } }';

beforeEach(async () => {
  world = await worlds.create();
});

async function startDaemon(): Promise<ProcessHandle> {
  const text = shopConfig(world, { mode: 'observe', schedule: '* * * * * *', reading });
  const config = await program.write('spread.yaml', text);
  const daemon = startProcess('src/cli/main.ts', {
    args: ['start', '--config', config],
    env: { DATABASE_URL: '', REDIS_URL: '', QUEUE_REDIS_URL: '' },
  });
  await daemon.waitForLine('claim-reconciler watches gifts', { timeoutMs: 60_000 });
  return daemon;
}

interface LargePass {
  readonly pid: number;
  /** Claims that count as judged. */
  readonly judged: number;
  readonly taken: number;
}

/** The pass that has cut its window, and how far its chunks are. */
async function largePass(): Promise<LargePass | null> {
  const { rows } = await world.pool.query<LargePass>(
    `select split_part(t.holder, ':', 2)::int as pid,
       sum((select sum(value::int) from jsonb_each_text(c.verdicts)))::int as judged,
       (count(*) filter (where c.taken_by is not null and c.verdicts is null))::int as taken
     from reconciler.chunk c join reconciler.pass p on p.id = c.pass_id
     join reconciler.lease_term t on t.token = p.fencing_token group by 1`,
  );
  return rows[0] ?? null;
}

it('a worker that is killed in mid-chunk loses nothing', async () => {
  const daemons = [await startDaemon(), await startDaemon()];
  await addManyClaims(world, claims);
  const pass = await waitFor(
    async () => {
      const now = await largePass();
      return now !== null && now.judged > 6_000 && now.taken === 2 ? now : null;
    },
    { what: 'two chunks under way', timeoutMs: 60_000, intervalMs: 5 },
  );
  const helping = daemons.find(({ pid }) => pid !== pass.pid);
  const holding = daemons.find(({ pid }) => pid === pass.pid);
  await helping?.kill();
  const report = await waitFor(
    async () => {
      const { rows } = await world.pool.query<{
        report: { checked: number; verdicts: object; outcome: string };
      }>(`select report from reconciler.pass where (report ->> 'checked')::int > 1000`);
      return rows[0]?.report ?? false;
    },
    { what: 'the end of the pass', timeoutMs: 90_000 },
  );
  expect(report).toMatchObject({ outcome: 'completed', checked: claims, verdicts: { missing_marker: 30 } });
  const found = await world.discrepancies();
  expect(found.map(({ claimId }) => Number(claimId) % 1_000)).toEqual(Array.from({ length: 30 }, () => 0));
  expect(new Set(found.map(({ claimId }) => claimId)).size).toBe(30);
  // As the dashboard shows it: chunks are parts of the job of their pass.
  await waitFor(async () => (await partsMax()) > 5, { what: 'a pass with its parts', timeoutMs: 60_000 });
  holding?.signal('SIGTERM');
  expect(await holding?.waitForEnd(), holding?.output()).toEqual({ code: 0, signal: null });
}, 180_000);

it('a daemon that is told to stop in the middle of it ends in order, and the other goes on', async () => {
  const daemons = [await startDaemon(), await startDaemon()];
  await addManyClaims(world, claims);
  const pass = await waitFor(
    async () => {
      const now = await largePass();
      return now !== null && now.judged > 2_000 && now.taken === 2 ? now : null;
    },
    { what: 'two chunks under way', timeoutMs: 60_000, intervalMs: 5 },
  );
  const [holding, helping] = [true, false].map((holds) =>
    daemons.find(({ pid }) => (pid === pass.pid) === holds),
  );
  holding?.signal('SIGTERM');
  expect(await holding?.waitForEnd(), holding?.output()).toEqual({ code: 0, signal: null });
  const { rows } = await world.pool.query<{ passes: number; chunks: number }>(
    `select (select count(*)::int from reconciler.pass p join reconciler.lease_term t on t.token = p.fencing_token
         where p.ended_at is null and split_part(t.holder, ':', 2)::int = $1) as passes,
       (select count(*)::int from reconciler.chunk c join reconciler.pass p on p.id = c.pass_id
         where p.ended_at is not null) as chunks`,
    [pass.pid],
  );
  expect(rows).toEqual([{ passes: 0, chunks: 0 }]);
  await waitFor(async () => (await judged()) >= claims, { what: 'the other to go on', timeoutMs: 60_000 });
  helping?.signal('SIGTERM');
  expect(await helping?.waitForEnd(), helping?.output()).toEqual({ code: 0, signal: null });
  expect(await judged()).toBe(claims);
  expect(await world.discrepancies()).toHaveLength(claims / 1_000);
}, 180_000);

/** Claims by the reports of all passes: those that a pass judged behind a gap count for the next. */
async function judged(): Promise<number> {
  const { rows } = await world.pool.query<{ checked: number }>(
    `select coalesce(sum((report ->> 'checked')::int), 0)::int as checked from reconciler.pass`,
  );
  return rows[0]?.checked ?? 0;
}

/** Of the passes that are done, by the queue. */
async function partsMax(): Promise<number> {
  const jobs = await world.redis.zrange('claim-reconciler:queue:passes:completed', '0', '-1');
  const parts = jobs.map(async (id) => world.redis.hlen(`claim-reconciler:queue:passes:${id}:processed`));
  return Math.max(...(await Promise.all(parts)));
}
