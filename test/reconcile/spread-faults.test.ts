/**
 * What may go wrong while a large window is judged by many workers: waits that are long, ends that come early, clocks that
 * go back.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JobDeps } from '../../jobs/job.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  addGifts,
  atOnce,
  judge,
  limits,
  observe,
  offerOneChunk,
  readChunks,
  spread,
} from './support/large-window.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

/** A worker that waits for its turn until it is told to go on, or called off. */
function waitingWorker(): { deps: JobDeps; isWaiting: () => boolean; goOn: () => void } {
  const going = new AbortController();
  let isWaiting = false;
  const awaitTurn: JobDeps['awaitTurn'] = async (_rows, signal, onPause) => {
    isWaiting = true;
    onPause('Waiting: told to.');
    await new Promise<void>((resolve, reject) => {
      going.signal.addEventListener('abort', () => resolve(), { once: true });
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      if (going.signal.aborted) resolve();
    });
  };
  return {
    deps: { ...world.deps(observe), awaitTurn },
    isWaiting: () => isWaiting,
    goOn: () => going.abort(),
  };
}

describe('a worker that waits for its turn', () => {
  it('says so, and keeps its chunk for as long as it takes', async () => {
    const { chunk, stop } = await offerOneChunk(world);
    const { deps, isWaiting, goOn } = waitingWorker();
    const lines: string[] = [];
    const judging = judge(chunk, deps, (line) => void lines.push(line));
    await waitFor(isWaiting, { what: 'the worker to wait' });
    const times = new Set<string>();
    await waitFor(
      async () => {
        for (const { takenBy, touchedAt } of await readChunks(world))
          if (takenBy !== null) times.add(touchedAt);
        return times.size > 2;
      },
      { what: 'signs of life', timeoutMs: 10_000 },
    );
    goOn();
    expect(await judging).toMatchObject({ outcome: 'judged', checked: 3 });
    expect(lines[0]).toBe('Waiting: told to.');
    await stop();
  });

  it('goes home when the pass has ended, which leaves no chunk behind', async () => {
    const { chunk, stop } = await offerOneChunk(world);
    const { deps, isWaiting } = waitingWorker();
    const judging = judge(chunk, deps);
    await waitFor(isWaiting, { what: 'the worker to wait' });
    await stop();
    expect(await readChunks(world)).toEqual([]);
    expect(await judging).toMatchObject({ outcome: 'taken_over', checked: 0 });
  });
});

describe('a pass', () => {
  it('that is stopped while it judges a chunk itself keeps those before it, which others have judged', async () => {
    const gifts = await addGifts(world, 12);
    const stopping = new AbortController();
    const first = waitingWorker();
    let judging: Promise<unknown> = Promise.resolve();
    let turns = 0;
    const pass = spread(
      world,
      ([chunk]) => {
        if (chunk !== undefined) judging = judge(chunk, first.deps);
      },
      {
        ...observe,
        limits: { ...limits, chunks: { ...limits.chunks, offeredForMs: 1_000 } },
        signal: stopping.signal,
        // Its own four claims, in two pages; then what it takes of the chunks, for which it never gets leave.
        awaitTurn: async (_rows, signal) => {
          turns += 1;
          if (turns > 2) await wait(60_000, undefined, { signal });
        },
      },
    );
    await waitFor(() => first.isWaiting() && turns > 2, { what: 'both to judge' });
    first.goOn();
    expect(await judging).toMatchObject({ outcome: 'judged', checked: 3 });
    stopping.abort(new Error('told to'));
    expect(await pass).toMatchObject({
      outcome: 'stopped',
      checked: 7,
      checkpoint: { to: { id: gifts[6]?.id } },
    });
  });

  it('ends when a worker has tripped the brake, and repairs nothing', async () => {
    const gifts = await addGifts(world, 4);
    for (const gift of gifts) await world.setMarker(gift);
    for (let at = 0; at < 20; at += 1) await world.addGift();
    const brake = { repairsPerPlan: 1_000, repairsPerHour: 1_000, share: 0.1, shareSample: 6 };
    const changes = { limits, rules: { brake } };
    let judging: Promise<unknown> = Promise.resolve();
    const report = await spread(
      world,
      ([chunk]) => {
        if (chunk?.number === 1) judging = judge(chunk, world.deps(changes));
      },
      changes,
    );
    expect(await judging).toMatchObject({ outcome: 'braked' });
    expect(report).toMatchObject({
      outcome: 'braked',
      brake: 'tripped',
      checked: 4,
      repairs: { applied: 0 },
    });
    expect(await readChunks(world)).toEqual([]);
    expect((await world.discrepancies()).length).toBeLessThan(6);
  });
});

describe('chunks', () => {
  it('that nobody takes are judged by the pass though the clock was set back', async () => {
    await addGifts(world, 20);
    const report = await spread(world, () => {
      void world.pool.query(`update reconciler.chunk set touched_at = touched_at + interval '1 hour'`);
    });
    expect(report).toMatchObject({ outcome: 'completed', checked: 20 });
  });

  it('of a pass that was braked are dropped', async () => {
    for (let at = 0; at < 60; at += 1) await world.addGift();
    const brake = { repairsPerPlan: 1_000, repairsPerHour: 1_000, share: 0.1, shareSample: 6 };
    const report = await spread(world, () => undefined, { ...atOnce, rules: { brake } });
    expect(report).toMatchObject({ outcome: 'braked' });
    expect(await readChunks(world)).toEqual([]);
  });

  it('of a pass whose process died are dropped by the next', async () => {
    await addGifts(world, 7);
    await world.pool.query(
      `with dead as (insert into reconciler.pass (source, asked_by, mode, fencing_token)
         values ('gifts', 'test', 'observe', 1) returning id)
       insert into reconciler.chunk (pass_id, number, from_change_xid, to_change_xid, horizon, judging)
       select id, n, '3', '4', '9', 'as always' from dead, generate_series(0, 3) n`,
    );
    expect(await world.runPass(observe)).toMatchObject({ outcome: 'completed', checked: 7 });
    expect(await readChunks(world)).toEqual([]);
  });

  it('that are gone end the pass, with what it judged before', async () => {
    await addGifts(world, 20);
    const report = await spread(world, () => {
      void world.pool.query('delete from reconciler.chunk where number > 1');
    });
    expect(report).toMatchObject({ outcome: 'aborted' });
    expect(report.reason).toContain('are gone: another pass has begun');
    expect(await world.runPass(observe)).toMatchObject({
      outcome: 'completed',
      checked: 20 - report.checked,
    });
  });

  it('of a pass of a later term are left alone by one that comes late', async () => {
    await addGifts(world, 7);
    await world.pool.query(
      `with later as (insert into reconciler.pass (source, asked_by, mode, fencing_token)
         values ('gifts', 'test', 'observe', 1000) returning id)
       insert into reconciler.chunk (pass_id, number, from_change_xid, to_change_xid, horizon, judging)
       select id, n, '3', '4', '9', 'as always' from later, generate_series(0, 3) n`,
    );
    await world.runPass(observe);
    expect(await readChunks(world)).toHaveLength(4);
  });
});
