/**
 * Two daemons as processes on the same stores (FAULTS "The daemon" 16, invariant 12): each slot is enqueued and run once,
 * and when the one that schedules is killed the other goes on.
 */
import { beforeEach, expect, it } from 'vitest';
import { shopConfig } from '../cli/support/shop-config.ts';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { Gift, World } from '../reconcile/support/world.ts';
import { startProcess, type ProcessHandle } from '../support/process-handle.ts';
import { waitFor } from '../support/wait-for.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

async function startDaemons(count: number): Promise<ProcessHandle[]> {
  const config = await program.write('two.yaml', shopConfig(world, { schedule: '* * * * * *' }, true));
  const daemons = Array.from({ length: count }, () =>
    startProcess('src/cli/main.ts', {
      args: ['start', '--config', config],
      env: { DATABASE_URL: '', REDIS_URL: '', QUEUE_REDIS_URL: '' },
    }),
  );
  await Promise.all(
    daemons.map(async (daemon) => daemon.waitForLine('claim-reconciler watches gifts, orders')),
  );
  return daemons;
}

/** Process ids of those who claimed slots, the last one last. */
async function claimers(): Promise<number[]> {
  const { rows } = await world.pool.query<{ pid: number }>(
    `select split_part(holder, ':', 2)::int as pid from reconciler.slot group by holder order by max(slot)`,
  );
  return rows.map(({ pid }) => pid);
}

async function countSlots(): Promise<number> {
  const { rows } = await world.pool.query<{ count: number }>('select count(*)::int from reconciler.slot');
  return rows[0]?.count ?? 0;
}

/** Slots, and the passes that came of them. A slot whose pass is skipped has none; none has two. */
async function expectOnePassPerSlot(): Promise<void> {
  const { rows } = await world.pool.query<{ source: string; slots: number; passes: number }>(
    `select s.task as source, count(*)::int as slots,
       (select count(*)::int from reconciler.pass p where p.source = s.task and p.asked_by = 'schedule') as passes
     from reconciler.slot s group by s.task order by s.task`,
  );
  expect(rows.map(({ source }) => source)).toEqual(['gifts', 'orders']);
  for (const { slots, passes } of rows) expect(passes).toBeLessThanOrEqual(slots);
}

/** A pass that a killed process was in counts as running until its job is found stalled, which takes a while. */
const takenUpMs = 60_000;

async function untilRepaired(gift: Gift): Promise<void> {
  await waitFor(async () => (await world.repairs()).some(({ outcome }) => outcome === 'applied'), {
    what: 'a repair',
    timeoutMs: takenUpMs,
  });
  expect((await world.readMarker(gift.key))?.value).toBe(gift.attempt);
}

it('16: one of two schedules, each slot is run once; the other goes on when it is killed', async () => {
  const daemons = await startDaemons(2);
  await waitFor(async () => (await countSlots()) >= 6, { what: 'some slots' });
  const [holder, ...rivals] = await claimers();
  expect(rivals).toEqual([]);
  await expectOnePassPerSlot();
  const killed = daemons.find(({ pid }) => pid === holder);
  const other = daemons.find(({ pid }) => pid !== holder);
  // Between passes where it can be (in mid-pass: test/schedule/pass-process.test.ts), which is found out much sooner.
  await waitFor(async () => (await world.redis.llen('claim-reconciler:queue:passes:active')) === 0, {
    what: 'a moment without a pass',
    intervalMs: 1,
  });
  await killed?.kill();
  const gift = await world.addGift();
  await waitFor(async () => (await claimers()).at(-1) === other?.pid, {
    what: 'a slot of the other',
    timeoutMs: 40_000,
  });
  await untilRepaired(gift);
  expect((await world.repairs()).map(({ outcome }) => outcome)).toEqual(['applied']);
  await expectOnePassPerSlot();
  other?.signal('SIGTERM');
  expect(await other?.waitForEnd(), other?.output()).toEqual({ code: 0, signal: null });
}, 120_000);

it('the other takes over soon after an orderly end', async () => {
  const daemons = await startDaemons(2);
  await waitFor(async () => (await countSlots()) >= 2, { what: 'some slots' });
  const [holder] = await claimers();
  const ended = daemons.find(({ pid }) => pid === holder);
  const other = daemons.find(({ pid }) => pid !== holder);
  ended?.signal('SIGTERM');
  expect(await ended?.waitForEnd(), ended?.output()).toEqual({ code: 0, signal: null });
  await waitFor(async () => (await claimers()).at(-1) === other?.pid, { what: 'a slot of the other' });
  await untilRepaired(await world.addGift());
  await expectOnePassPerSlot();
});
