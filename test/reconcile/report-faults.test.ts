/**
 * Reports when things go wrong: stores that are away, the same report again and again, many at once, and texts that fit
 * nowhere. A report must never be lost, and never bring a source to a halt.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { run as runPassJob } from '../../jobs/pass.ts';
import { parseTemplate } from '../../src/domain/template.ts';
import { storeReport } from '../../src/postgres/report.ts';
import { judgeReports } from '../../src/reconcile/judge-reports.ts';
import type { PassReport } from '../../src/reconcile/pass-report.ts';
import { openSource } from '../../src/reconcile/source-context.ts';
import { findSource } from '../../src/reconcile/under-term.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { dayMs, giftSource } from './support/claim-tables.ts';
import { silentReporter } from './support/job-deps.ts';
import { knownDistributor } from './support/known-distributor.ts';
import { reportOn, reportsOf } from './support/report-on.ts';
import { useWorlds } from './support/use-world.ts';
import type { World } from './support/world.ts';

const worlds = useWorlds();
const proxies: TcpProxy[] = [];
afterEach(() => Promise.all(proxies.splice(0).map((proxy) => proxy.close())));

async function createProxied(): Promise<{ world: World; proxy: TcpProxy }> {
  const proxy = await startTcpProxy(worlds.redis().url);
  proxies.push(proxy);
  return { proxy, world: await worlds.create(proxy.url) };
}

async function addOrphan(world: World) {
  const claim = await world.addGift({ status: 'failed' });
  await world.setMarker(claim);
  return claim;
}

describe('while the marker Redis is away', () => {
  it.each(['reset', 'swallow_replies'] as const)(
    'a report is stored, and judged by the next pass: %s',
    async (mode) => {
      const { world, proxy } = await createProxied();
      const claim = await addOrphan(world);
      proxy.set(mode);
      proxy.cut();
      const answer = await reportOn(world, claim, { limits: { callTimeoutMs: 200 } });
      expect(answer).toMatchObject({ reportId: '1', verdict: null, discrepancyId: null });
      expect(answer.note).toMatch(/^The report is stored and will be judged by the next pass: .*Redis/);
      expect(await reportsOf(world)).toMatchObject([{ isJudged: false }]);
      expect(await world.discrepancies()).toEqual([]);
      proxy.set('pass');
      proxy.cut();
      await waitFor(() => world.markers.status === 'ready', { what: 'the connection to be there again' });
      expect(await world.runPass()).toMatchObject({ outcome: 'completed', open: 0 });
      expect(await reportsOf(world)).toMatchObject([{ isJudged: true, verdict: 'orphan_marker' }]);
      expect(await world.readMarker(claim.key)).toBeNull();
    },
  );

  it('whoever has time to wait for it is answered with a verdict', async () => {
    const { world, proxy } = await createProxied();
    const claim = await addOrphan(world);
    proxy.set('reset');
    proxy.cut();
    await waitFor(() => world.markers.status !== 'ready', { what: 'the connection to be gone' });
    const answer = reportOn(world, claim, {}, 'patiently');
    await waitFor(async () => (await reportsOf(world)).length === 1, { what: 'the report to be stored' });
    proxy.set('pass');
    expect(await answer).toMatchObject({ verdict: 'orphan_marker', discrepancyId: '1' });
  });

  it('and Postgres too, it is not acknowledged', async () => {
    const world = await worlds.create();
    await world.pool.query('drop table reconciler.report');
    await expect(reportOn(world, { key: 'gift:1', attempt: 'a' })).rejects.toThrow(
      /^The report may not have been stored; report it again, twice does no harm\./,
    );
  });
});

describe('the same report again', () => {
  it('leads to no second discrepancy, and leaves the backoff of the first as it was', async () => {
    const world = await worlds.create();
    const claim = await world.addGift({ status: 'pending' });
    const first = await reportOn(world, claim);
    await world.runPass();
    const backoff = async () =>
      (await world.pool.query('select checks, next_check_at, verdict from reconciler.discrepancy')).rows;
    const before = await backoff();
    expect(before).toMatchObject([{ checks: 1, next_check_at: expect.any(Date) }]);
    for (let times = 0; times < 3; times += 1) {
      expect(await reportOn(world, claim)).toMatchObject({ discrepancyId: first.discrepancyId });
    }
    await world.runPass();
    expect(await backoff()).toEqual(before);
  });

  it('of a marker without a row keeps the time from which it may be repaired', async () => {
    const world = await worlds.create();
    await world.redis.set('gift:1', 'lost', 'PX', dayMs);
    const said = { key: 'gift:1', attempt: 'lost' };
    const stamps = async () =>
      (await world.pool.query('select change_xid::text as stamp from reconciler.discrepancy')).rows;
    await reportOn(world, said);
    const before = await stamps();
    await reportOn(world, said);
    expect(await stamps()).toEqual(before);
  });

  it('from many at once is one discrepancy, and everybody is told of it', async () => {
    const world = await worlds.create();
    const claim = await addOrphan(world);
    await world.redis.set('gift:900', 'lost', 'PX', dayMs);
    const said = [claim, { key: 'gift:900', attempt: 'lost' }];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => reportOn(world, said[at % 2] ?? claim)),
    );
    expect(new Set(answers.map(({ discrepancyId }) => discrepancyId)).size).toBe(2);
    expect(answers.every(({ discrepancyId }) => discrepancyId !== null)).toBe(true);
    expect(await world.discrepancies()).toHaveLength(2);
  });

  it('while a pass judges it too is one discrepancy, repaired once', async () => {
    const world = await worlds.create();
    const claim = await addOrphan(world);
    await world.settle();
    await Promise.all([world.runPass(), ...Array.from({ length: 10 }, () => reportOn(world, claim))]);
    await world.runPass();
    expect(await world.readMarker(claim.key)).toBeNull();
    const applied = (await world.repairs()).filter(({ outcome }) => outcome === 'applied');
    expect(applied).toHaveLength(1);
  });
});

describe('what nobody has judged', () => {
  async function storeMany(world: World, count: number): Promise<void> {
    await world.pool.query(
      `insert into reconciler.report (source, marker_key, attempt, reason, reported_by)
       select 'gifts', 'gift:1', 'a', 'flood', 'shop' from generate_series(1, $1)`,
      [count],
    );
  }

  it('is judged by passes, a thousand each, oldest first', async () => {
    const world = await worlds.create();
    await storeMany(world, 1_001);
    await storeReport(world.pool, {
      source: 'orders',
      markerKey: 'order:1',
      attempt: '7',
      reason: 'x',
      by: 'shop',
    });
    await world.runPass();
    const unjudged = async () =>
      (
        await world.pool.query(
          'select id::text, source from reconciler.report where judged_at is null order by report.id',
        )
      ).rows;
    expect(await unjudged()).toEqual([
      { id: '1001', source: 'gifts' },
      { id: '1002', source: 'orders' },
    ]);
    await world.runPass();
    expect(await unjudged()).toEqual([{ id: '1002', source: 'orders' }]);
  });

  it('was stored by a process that was killed before it could look', async () => {
    const world = await worlds.create();
    const claim = await addOrphan(world);
    await reportOn(world, claim, {}, 'by_next_pass');
    await world.runPass();
    expect(await reportsOf(world)).toMatchObject([{ isJudged: true, discrepancyId: '1' }]);
    expect(await world.readMarker(claim.key)).toBeNull();
  });

  it('waits when a pass is asked to stop', async () => {
    const world = await worlds.create();
    await storeMany(world, 3);
    const deps = world.deps();
    const context = await openSource(deps, findSource(deps.sources, 'gifts'), deps.limits);
    await judgeReports(context, '1', AbortSignal.abort());
    expect(await reportsOf(world)).toMatchObject([{ isJudged: false }, {}, {}]);
  });
});

describe('texts that fit nowhere', () => {
  const strange = [
    `'; drop table gift_claim; --`,
    '\u202e\u001b[2J\r\n',
    '"\\"{}$1%s',
    '漢字🎁',
    'x'.repeat(200),
    '9'.repeat(40),
    'NaN',
    ' ',
  ];

  it.each(strange)('are no claim of a marker, and stop no pass: %j', async (text) => {
    const world = await worlds.create();
    const distributor = knownDistributor();
    const orphan = await addOrphan(world);
    await world.redis.set(`gift:${text}`, text, 'PX', dayMs);
    const said = { key: `gift:${text}`, attempt: text };
    expect(await reportOn(world, said)).toMatchObject({ verdict: 'rowless_marker' });
    expect(await reportOn(world, orphan)).toMatchObject({ verdict: 'orphan_marker' });
    distributor.knows(text, { kind: 'granted' });
    await world.addGrab();
    // The row that was granted cannot be written; all else goes on.
    expect(await world.runPass({ distributor })).toMatchObject({ outcome: 'completed', open: 1 });
    expect(await world.readMarker(orphan.key)).toBeNull();
    await world.letHoursPass();
    distributor.knows(text, { kind: 'not_granted' });
    expect(await world.runPass({ distributor })).toMatchObject({ outcome: 'completed', open: 0 });
    expect(await world.readMarker(said.key)).toBeNull();
  });

  it('are no attempt where attempts are uuids, and no day where days are dates', async () => {
    const world = await worlds.create();
    const { other, runPass } = await watchPairs(
      world,
      'attempt uuid unique, kind text, day date',
      '{kind}:{day}',
    );
    for (const key of ['a:2026-13-45', 'a:yesterday!', 'a:b:2026-01-01', ':']) {
      await world.redis.set(key, 'no-uuid', 'PX', dayMs);
      expect(await reportOn(other, { source: 'pairs', key, attempt: 'no-uuid' }), key).toMatchObject({
        verdict: 'rowless_marker',
      });
    }
    expect(await runPass()).toMatchObject({ open: 0, actions: { delete_marker: { applied: 4 } } });
  });

  it('are written into no column where the key can be read in two ways', async () => {
    const world = await worlds.create();
    const columns = 'attempt text unique, one text, other text';
    const { other, runPass, distributor } = await watchPairs(world, columns, 'p:{one}:{other}');
    for (const [key, attempt] of [
      ['p:x:y', 'plain'],
      ['p:x:y:z', 'double'],
    ] as const) {
      await world.redis.set(key, attempt, 'PX', dayMs);
      distributor.knows(attempt, { kind: 'granted' });
      await reportOn(other, { source: 'pairs', key, attempt });
    }
    const done = { applied: 1, failed: 1 };
    expect(await runPass()).toMatchObject({ open: 1, actions: { write_claim: done } });
    const { rows } = await world.pool.query('select one, other, attempt, status from pair_claim');
    expect(rows).toEqual([{ one: 'x', other: 'y', attempt: 'plain', status: 'granted' }]);
    expect(await world.repairs()).toMatchObject([
      { outcome: 'applied' },
      { outcome: 'failed', note: expect.any(String) },
    ]);
    expect(await world.readMarker('p:x:y:z')).not.toBeNull();
  });
});

/** A table of its own, with these columns beside the usual ones, watched as the source `pairs`. */
async function watchPairs(world: World, columns: string, key: string) {
  await world.pool.query(`
    create table pair_claim (id uuid primary key default gen_random_uuid(), ${columns},
      status text, expires_at timestamptz, change_xid xid8 not null default pg_current_xact_id());
    create index pair_claim_change on pair_claim (change_xid, id);
    create trigger stamp_change before insert or update on pair_claim
      for each row execute function reconciler.stamp_change();
    alter table pair_claim enable always trigger stamp_change`);
  const distributor = knownDistributor();
  const pairs = {
    ...giftSource,
    name: 'pairs',
    table: { schema: 'public', name: 'pair_claim' },
    columns: { ...giftSource.columns, attempt: 'attempt' },
    marker: { key: parseTemplate(key), value: parseTemplate('{attempt}') },
  };
  const own = { ...world.deps(), sources: [pairs], distributors: new Map([['pairs', distributor]]) };
  return {
    distributor,
    other: { ...world, deps: () => own },
    runPass: async (): Promise<PassReport> => {
      // A row that is written last says that what was written before it is past its grace period, too.
      await world.addGrab();
      await world.settle();
      const { signal } = new AbortController();
      return runPassJob(
        { source: 'pairs', by: 'test', force: false, waits: true },
        own,
        silentReporter,
        signal,
      );
    },
  };
}
