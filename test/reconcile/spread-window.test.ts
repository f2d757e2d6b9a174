/**
 * A large window that many workers judge (DESIGN section 9): as a pass alone would, whoever dies on the way.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ChunkReport } from '../../src/reconcile/judge-chunk.ts';
import type { PassReport } from '../../src/reconcile/pass-report.ts';
import { waitFor } from '../support/wait-for.ts';
import { before } from './support/intercept.ts';
import {
  addGifts,
  atOnce,
  judge,
  observe,
  offerOneChunk,
  readChunks,
  spread,
} from './support/large-window.ts';
import type { Offer } from './support/large-window.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

async function found(): Promise<unknown[]> {
  const records = await world.discrepancies();
  return records
    .map(({ claimId, verdict, state, changeXid }) => ({ claimId, verdict, state, changeXid }))
    .sort((a, b) => Number(a.claimId) - Number(b.claimId));
}

/** How a pass that offers nothing to anybody sees the same claims. */
async function judgedAlone(): Promise<{ report: PassReport; found: unknown[] }> {
  await world.pool.query('truncate reconciler.checkpoint, reconciler.discrepancy, reconciler.pass cascade');
  const report = await world.runPass({ rules: { mode: 'observe' } });
  return { report, found: await found() };
}

describe('a large window', () => {
  it('is judged by several workers as a pass alone would', async () => {
    await addGifts(world, 40);
    const offered: Offer[] = [];
    const reports: ChunkReport[] = [];
    const deps = world.deps(observe);
    // Two workers, that take the chunks from either end.
    const work = async (next: () => Offer | undefined): Promise<void> => {
      for (let chunk = next(); chunk !== undefined; chunk = next()) reports.push(await judge(chunk, deps));
    };
    const workers: Promise<void>[] = [];
    const report = await spread(world, (chunks) => {
      offered.push(...chunks);
      workers.push(
        work(() => offered.shift()),
        work(() => offered.pop()),
      );
    });
    await Promise.all(workers);
    expect(report).toMatchObject({
      outcome: 'completed',
      checked: 40,
      verdicts: { missing_marker: 14, consistent: 26 },
    });
    expect(
      reports.filter(({ outcome }) => outcome === 'judged').map(({ checked }) => checked).length,
    ).toBeGreaterThan(8);
    expect(reports.reduce((sum, { checked }) => sum + checked, 0)).toBe(36);
    expect(await readChunks(world)).toEqual([]);
    const spreadOut = await found();
    const alone = await judgedAlone();
    expect(spreadOut).toEqual(alone.found);
    expect(report.verdicts).toEqual(alone.report.verdicts);
    expect(await world.runPass(observe)).toMatchObject({ outcome: 'completed', checked: 0 });
  });

  it('is judged by the pass itself when nobody takes the chunks', async () => {
    await addGifts(world, 20);
    let offered = 0;
    const report = await spread(world, (chunks) => void (offered += chunks.length), atOnce);
    expect(offered).toBe(6);
    expect(report).toMatchObject({ outcome: 'completed', checked: 20, verdicts: { missing_marker: 7 } });
    expect(await found()).toEqual((await judgedAlone()).found);
  });

  it('lets the checkpoint follow only what is judged without a gap', async () => {
    const gifts = await addGifts(world, 12);
    const stopping = new AbortController();
    const offered: Offer[] = [];
    const pass = spread(world, (chunks) => void offered.push(...chunks), {
      ...observe,
      signal: stopping.signal,
    });
    await waitFor(() => offered.length === 3, { what: 'the chunks' });
    const deps = world.deps(observe);
    const [first, second, third] = offered;
    if (first === undefined || second === undefined || third === undefined) throw new Error('no chunks');
    const begun = await world.checkpoint();
    expect(begun.id).toBe(gifts[3]?.id);
    expect(await judge(third, deps)).toMatchObject({ outcome: 'judged', checked: 2 });
    expect(await world.checkpoint()).toEqual(begun);
    expect(await judge(first, deps)).toMatchObject({ outcome: 'judged', checked: 3, found: 1 });
    await waitFor(async () => (await world.checkpoint()).id === gifts[6]?.id, {
      what: 'the checkpoint to follow',
    });
    expect((await readChunks(world)).map(({ number, checked }) => [number, checked])).toEqual([
      [0, 7],
      [2, null],
      [3, 2],
    ]);
    expect(await judge(third, deps)).toMatchObject({ outcome: 'passed_by' });
    stopping.abort(new Error('told to'));
    expect(await pass).toMatchObject({
      outcome: 'stopped',
      checked: 7,
      checkpoint: { to: { id: gifts[6]?.id } },
    });
    expect(await judge(second, deps)).toMatchObject({ outcome: 'passed_by' });
    // The next pass judges the rest again, what was judged behind the gap too.
    expect(await world.runPass(observe)).toMatchObject({ outcome: 'completed', checked: 5 });
    expect(await found()).toEqual((await judgedAlone()).found);
  });
});

describe('far too many bad claims', () => {
  it('stop the reading wherever they are found: nobody judges on, nothing of them is recorded', async () => {
    const gifts = await addGifts(world, 4);
    for (const gift of gifts) await world.setMarker(gift);
    for (let at = 0; at < 60; at += 1) await world.addGift();
    const brake = { repairsPerPlan: 1_000, repairsPerHour: 1_000, share: 0.1, shareSample: 6 };
    const changes = { ...atOnce, rules: { brake } };
    const report = await spread(world, () => undefined, changes);
    expect(report).toMatchObject({ outcome: 'braked', brake: 'tripped', repairs: { applied: 0 } });
    expect(report.reason).toContain('and reading was stopped');
    expect(report.checked).toBeLessThan(10);
    expect((await world.alerts()).map(({ kind }) => kind)).toContain('brake');
    expect((await world.discrepancies()).length).toBeLessThan(6);
  });
});

describe('a worker', () => {
  it('of another marker Redis leaves its chunk to others', async () => {
    const { chunk, stop } = await offerOneChunk(world);
    await world.pool.query(`update reconciler.checkpoint set redis_run_id = 'another'`);
    await expect(judge(chunk, world.deps(observe))).rejects.toThrow(
      /is not the one that the pass over gifts began with/,
    );
    expect(await takenChunks()).toBe(0);
    await stop();
    expect(await found()).toHaveLength(2);
  });

  it('that is configured otherwise leaves its chunk to others', async () => {
    const { chunk, stop } = await offerOneChunk(world);
    const other = world.deps({ ...observe, rules: { mode: 'observe', toleranceMs: 1 } });
    await expect(judge(chunk, other)).rejects.toThrow(/gifts is configured otherwise in this process/);
    expect(await takenChunks()).toBe(0);
    expect(await judge(chunk, world.deps(observe))).toMatchObject({ outcome: 'judged', checked: 3 });
    await stop();
  });

  it('records nothing once another term has begun', async () => {
    const { chunk, stop } = await offerOneChunk(world);
    const late = before(world.pool, /jsonb_each_text\(c\.verdicts\)/, 1, async () => {
      await world.pool.query('update reconciler.checkpoint set fencing_token = fencing_token + 1');
    });
    expect(await judge(chunk, world.deps({ ...observe, pool: late }))).toMatchObject({
      outcome: 'taken_over',
      checked: 0,
    });
    expect(await found()).toHaveLength(2);
    await stop();
  });

  it('that took a chunk and died is replaced', async () => {
    await addGifts(world, 10);
    const dead = world.deps({ ...observe, pool: dyingPool(world.pool) });
    const report = spread(world, ([chunk]) => {
      if (chunk !== undefined) judge(chunk, dead).catch(() => undefined);
    });
    await waitFor(async () => (await takenChunks()) === 1, { what: 'a chunk that is taken' });
    await world.pool.query(`update reconciler.chunk set touched_at = touched_at - interval '1 minute'`);
    expect(await report).toMatchObject({
      outcome: 'completed',
      checked: 10,
      verdicts: { missing_marker: 4 },
    });
    expect(await found()).toEqual((await judgedAlone()).found);
  });
});

async function takenChunks(): Promise<number> {
  return (await readChunks(world)).filter(({ takenBy, checked }) => takenBy !== null && checked === null)
    .length;
}

/** Everything hangs from the first page on. */
function dyingPool(pool: World['pool']): World['pool'] {
  const hang = async (): Promise<never> => new Promise(() => undefined);
  const query: unknown = Reflect.get(pool, 'query', pool);
  if (typeof query !== 'function') throw new Error('a pool has a method query');
  return new Proxy(pool, {
    get: (target, name) => {
      if (name === 'connect') return hang;
      if (name === 'query') {
        return async (...args: readonly unknown[]): Promise<unknown> =>
          String(args[0]).startsWith('update reconciler.chunk set touched_at')
            ? hang()
            : Reflect.apply(query, target, args);
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
