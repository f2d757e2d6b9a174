/**
 * `claim-reconciler/report` as an application uses it.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openReporter, type OpenReporterOptions, type Reporter } from '../../src/entry/report.ts';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { useProgram } from '../cli/support/program.ts';
import { shopConfig, type ShopSettings } from '../cli/support/shop-config.ts';
import { reportsOf } from '../reconcile/support/report-on.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { Gift, World } from '../reconcile/support/world.ts';
import { createDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

const worlds = useWorlds();
const program = useProgram();
const reporters: Reporter[] = [];
let world: World;
beforeEach(async () => {
  world = await worlds.create();
});
afterEach(async () => {
  for (const reporter of reporters.splice(0)) await reporter.close();
});

async function open(
  settings: ShopSettings = {},
  options: Omit<OpenReporterOptions, 'config'> = {},
): Promise<Reporter> {
  const config = await program.write('shop.yaml', shopConfig(world, settings));
  const reporter = await openReporter({ env: {}, ...options, config });
  reporters.push(reporter);
  return reporter;
}

async function addOrphan(): Promise<Gift> {
  const claim = await world.addGift({ status: 'failed' });
  await world.setMarker(claim);
  return claim;
}

const said = ({ key, attempt }: Pick<Gift, 'key' | 'attempt'>) => ({
  source: 'gifts',
  markerKey: key,
  attempt,
  reason: 'DEL timed out',
});

describe('a reporter', () => {
  it('stores what failed, says what it led to, and a pass repairs it', async () => {
    const claim = await addOrphan();
    const reporter = await open();
    expect(await reporter.report(said(claim))).toMatchObject({
      reportId: '1',
      verdict: 'orphan_marker',
      discrepancyId: '1',
    });
    expect(
      await reporter.report({ ...said({ key: 'gift:99', attempt: 'x' }), by: 'gift-service' }),
    ).toMatchObject({
      verdict: 'consistent',
    });
    const { rows } = await world.pool.query<{ by: string }>(
      'select reported_by as by from reconciler.report order by id',
    );
    expect(rows.map(({ by }) => by)).toEqual([expect.stringMatching(/:\d+$/), 'gift-service']);
    await world.runPass();
    expect(await world.readMarker(claim.key)).toBeNull();
  });

  it('stores it while Redis is away, and tells of the trouble', async () => {
    const claim = await addOrphan();
    const told: string[] = [];
    const markersUrl = `redis://127.0.0.1:${await findFreePort()}/0`;
    const reporter = await open({ markersUrl }, { onTrouble: ({ code }) => told.push(code) });
    const answer = await reporter.report(said(claim));
    expect(answer).toMatchObject({ verdict: null, discrepancyId: null });
    expect(answer.note).toContain('is stored');
    expect(await reportsOf(world)).toMatchObject([{ isJudged: false }]);
    expect(told).toContain('redis_unreachable');
  });

  it('refuses what is no report, with all that is wrong with it', async () => {
    const reporter = await open();
    const wrong = { source: 'gift', markerKey: '', attempt: 'x'.repeat(201), reason: 'half \ud83c' };
    const refusal = reporter.report(wrong);
    await expect(refusal).rejects.toMatchObject({ code: 'bad_report' });
    await expect(refusal).rejects.toThrow(
      /source: is not .*did you mean gifts\?[^]*markerKey: must not be empty[^]*attempt: [^]*reason: /,
    );
    expect(await reportsOf(world)).toEqual([]);
  });

  it('takes many at once: each that is acknowledged is stored, the rest is told to come again', async () => {
    const reporter = await open();
    const claim = await addOrphan();
    const answers = await Promise.allSettled(Array.from({ length: 300 }, () => reporter.report(said(claim))));
    const refused = answers.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(100);
    expect(refused).toMatchObject(refused.map(() => ({ reason: { code: 'not_ready' } })));
    const stored = await reportsOf(world);
    expect(stored).toHaveLength(200);
    expect(await world.discrepancies()).toHaveLength(1);
    expect(stored.filter(({ isJudged }) => isJudged).length).toBeLessThan(200);
    await world.runPass();
    expect((await reportsOf(world)).every(({ isJudged }) => isJudged)).toBe(true);
  });

  it('is closed with nothing left open, after what was on its way', async () => {
    const reporter = await open();
    const underWay = reporter.report(said(await addOrphan()));
    await Promise.all([reporter.close(), reporter.close()]);
    expect(await underWay).toMatchObject({ reportId: '1' });
    await expect(reporter.report(said({ key: 'gift:1', attempt: 'a' }))).rejects.toMatchObject({
      code: 'not_ready',
    });
    await waitFor(async () => (await openConnections()) === 0, { what: 'its connections to be gone' });
  });
});

describe('a reporter that cannot be opened', () => {
  it('says so where Postgres is away, or its tables are not there, and leaves nothing open', async () => {
    const databaseUrl = `postgres://nobody@127.0.0.1:${await findFreePort()}/nowhere`;
    await expect(open({ databaseUrl })).rejects.toMatchObject({ code: 'postgres_unreachable' });
    const empty = await createDatabase();
    try {
      const opening = open({ databaseUrl: empty.url });
      await expect(opening).rejects.toMatchObject({ code: 'not_ready' });
      await expect(opening).rejects.toThrow('claim-reconciler migrate');
    } finally {
      await empty.drop();
    }
    await waitFor(async () => (await openConnections()) === 0, { what: 'its connections to be gone' });
  });

  it('says what is wrong with the configuration', async () => {
    const config = await program.write('wrong.yaml', 'sources: {}');
    await expect(openReporter({ config, env: {} })).rejects.toMatchObject({ code: 'configuration' });
  });
});

/** To Postgres and Redis, by their names. */
async function openConnections(): Promise<number> {
  const { rowCount } = await world.pool.query(
    `select from pg_stat_activity where application_name = 'claim-reconciler report'
       and datname = current_database()`,
  );
  const clients = String(await world.redis.client('LIST'));
  return (rowCount ?? 0) + clients.split('name=claim-reconciler:report ').length - 1;
}
