/**
 * Before a pass: a checkpoint of another history is refused, and a marker Redis that may have lost markers sends the
 * reading back.
 */
import { describe, expect, it } from 'vitest';
import { exitCodeOfError } from '../../src/domain/exit-code.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { OperatingError } from '../../src/domain/operating-error.ts';
import { rewindSource } from '../../src/reconcile/rewind-source.ts';
import { underTerm } from '../../src/reconcile/under-term.ts';
import { untilReady } from '../../src/redis/connect.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();
const never = new AbortController().signal;

async function refusalOf(world: World): Promise<OperatingError> {
  const outcome: unknown = await world.runPass().catch((error: unknown) => error);
  if (!(outcome instanceof OperatingError)) throw new Error('the pass was not refused', { cause: outcome });
  return outcome;
}

async function rewindToBeginning(world: World): Promise<string> {
  return underTerm(world.deps(), { source: 'gifts', patienceMs: 0 }, never, (context, term) =>
    rewindSource(context, term, { kind: 'beginning' }),
  );
}

describe('a checkpoint of another history', () => {
  it.each([
    ['another cluster', "system_identifier = '1'", /another database cluster answers/],
    ['another timeline', "timeline = '000000FF'", /the timeline changed from 000000FF/],
    ['another database', 'database_oid = 1', /the database was recreated/],
    ['another table', 'table_oid = 1', /the claim table was recreated/],
    ['a log that went back', "lsn = 'FFFFFFFF/0'", /the write-ahead log ends before/],
    ['transactions that went back', "snapshot_xmax = '9000000000'", /transaction ids went backwards/],
  ])('is refused: %s', async (_, tampering, reason) => {
    const world = await worlds.create();
    await world.runPass();
    await world.addGift();
    await world.pool.query(`update reconciler.checkpoint set ${tampering}`);
    const checkpoint = await world.checkpoint();
    const refusal = await refusalOf(world);
    expect(refusal.message).toMatch(reason);
    expect(refusal.message).toContain('claim-reconciler rewind --source gifts');
    expect(exitCodeOfError(refusal.code)).toBe(6);
    expect(await world.checkpoint()).toEqual(checkpoint);
    expect(await world.discrepancies()).toEqual([]);
    await refusalOf(world);
    expect(await world.alerts()).toMatchObject([
      {
        kind: 'checkpoint_refused',
        severity: 'critical',
        state: 'open',
        summary: expect.stringMatching(reason),
      },
    ]);

    expect(await rewindToBeginning(world)).toBe('0');
    expect(await world.runPass()).toMatchObject({
      outcome: 'completed',
      checked: 1,
      repairs: { applied: 1 },
    });
    expect(await world.alerts()).toMatchObject([{ kind: 'checkpoint_refused', state: 'resolved' }]);
  });

  it('is refused: a row with a transaction that this server has not handed out yet', async () => {
    const world = await worlds.create();
    await world.runPass();
    await world.addGift();
    await world.pool.query(`
      alter table gift_claim disable trigger stamp_change;
      update gift_claim set change_xid = '9000000000';
      alter table gift_claim enable always trigger stamp_change;`);
    const outcome: unknown = await world.runPassNow().catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'checkpoint_refused' });
    expect(await world.discrepancies()).toEqual([]);
  });
});

describe('a marker Redis that may have lost markers', () => {
  /** One claim read long ago, one just now; both are in order. */
  async function createJudged(): Promise<{ world: World; old: string; recent: string }> {
    const world = await worlds.create();
    const old = await world.addGift();
    await world.setMarker(old);
    await world.runPass();
    await world.letHoursPass();
    const recent = await world.addGift();
    await world.setMarker(recent);
    expect(await world.runPass()).toMatchObject({ checked: 1, verdicts: { consistent: 1 } });
    return { world, old: old.key, recent: recent.key };
  }

  it('was flushed: the reading goes back by the window, and no further', async () => {
    const { world, old, recent } = await createJudged();
    await world.redis.flushall();
    expect(await world.runPass()).toMatchObject({ checked: 1, repairs: { applied: 1 }, open: 0 });
    expect(await world.readMarker(recent)).not.toBeNull();
    expect(await world.readMarker(old)).toBeNull();
    expect(await world.runPass()).toMatchObject({ checked: 0 });
  });

  it('was restarted empty: the reading goes back by the window', async () => {
    const { world, recent } = await createJudged();
    await worlds.redis().kill();
    await worlds.redis().restart();
    await Promise.all([untilReady(world.markers, 10_000), untilReady(world.redis, 10_000)]);
    expect(await world.runPass()).toMatchObject({ checked: 1, repairs: { applied: 1 }, open: 0 });
    expect(await world.readMarker(recent)).not.toBeNull();
  });

  it('is a replica: judged, told to people, and not repaired', async () => {
    const replica = await startRedis({
      env: process.env,
      settings: { replicaof: ['127.0.0.1', String(worlds.redis().port)] },
    });
    try {
      const world = await worlds.create(replica.url);
      const claim = await world.addGift();
      const report = await world.runPass();
      expect(report).toMatchObject({
        outcome: 'completed',
        checked: 1,
        repairs: { withheld: 1, applied: 0 },
      });
      expect(report.reason).toContain('the marker Redis is a slave, not a primary');
      expect(await world.alerts()).toContainEqual(
        expect.objectContaining({ kind: 'marker_store_obstacle', severity: 'critical', state: 'open' }),
      );
      expect(await world.readMarker(claim.key)).toBeNull();
    } finally {
      await replica.stop();
    }
  });
});
