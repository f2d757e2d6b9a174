/**
 * The overview on a real server: what it tells, and that it stays bounded however much is wrong.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import type { Source } from '../../src/domain/source.ts';
import { defaultPolicy } from '../../src/domain/verdict.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { readOverview, type SourceOverview } from '../../src/postgres/overview.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.pool);
});
afterAll(() => database.drop());
beforeEach(() =>
  run(`truncate reconciler.checkpoint, reconciler.pass, reconciler.discrepancy, reconciler.repair, reconciler.alert,
    reconciler.brake, reconciler.report restart identity cascade`),
);

async function run(sql: string, values: readonly unknown[] = []): Promise<void> {
  await database.pool.query(sql, [...values]);
}

function sourceNamed(name: string): Source {
  return {
    name,
    table: { schema: 'shop', name: `${name}_claim` },
    columns: {
      id: 'id',
      attempt: 'attempt',
      status: 'status',
      change: 'change_xid',
      expiry: { expiresAt: 'expires_at' },
    },
    marker: { key: [], value: null },
    statuses: { pending: [], granted: ['granted'], released: [] },
    rules: {
      mode: 'observe',
      policy: defaultPolicy,
      toleranceMs: 1_000,
      valueNamesAttempt: true,
      graceMs: 1_000,
      brake: { repairsPerPlan: 1, repairsPerHour: 1, share: 1, shareSample: 1 },
      notGranted: 'grant',
    },
    distributor: null,
    schedule: '*/10 * * * * *',
    rewindMs: 0,
  };
}

const gifts = sourceNamed('gifts');

async function readGifts(): Promise<SourceOverview> {
  const { sources } = await readOverview(database.pool, [gifts]);
  if (sources[0] === undefined) throw new Error('the source is missing');
  return sources[0];
}

const insertPass = `insert into reconciler.pass (source, asked_by, mode, fencing_token, started_at, ended_at, outcome, report)
  values ($1, $2, 'repair', 1, now() - $3 * interval '1 s', now() - $3 * interval '1 s', $4, $5)`;

function pass(source: string, secondsAgo: number, outcome: string, report: object): Promise<void> {
  return run(insertPass, [source, 'schedule', secondsAgo, outcome, JSON.stringify(report)]);
}

function checkpoint(secondsAgo: number): Promise<void> {
  return run(
    `insert into reconciler.checkpoint (source, change_xid, id, fencing_token, system_identifier, timeline, database_oid,
       table_oid, lsn, snapshot_xmax, redis_run_id, redis_replication_id, redis_flushes, updated_at)
     values ('gifts', '7701', '42', 1, '1', '1', 1, 1, '0/1', '1', 'a', 'b', 0, now() - $1 * interval '1 s')`,
    [secondsAgo],
  );
}

async function discrepancy(values: { subject: string; verdict?: string; markerKey?: string }): Promise<void> {
  await run(
    `insert into reconciler.discrepancy (source, subject, claim_id, marker_key, verdict, evidence)
     values ('gifts', 'claim:' || $1::text, $1, $2, $3, '{}')`,
    [values.subject, values.markerKey ?? `gift:${values.subject}`, values.verdict ?? 'missing_marker'],
  );
}

test('tells of a source that never ran that there is nothing yet, and that its brake is armed', async () => {
  expect(await readGifts()).toEqual({
    name: 'gifts',
    table: 'shop.gifts_claim',
    mode: 'observe',
    schedule: '*/10 * * * * *',
    checkpoint: null,
    horizon: null,
    brake: { state: 'armed', reason: null, changedAt: null, changedBy: null, liftedUntil: null },
    openByVerdict: {},
    open: 0,
    openIsCapped: false,
    oldestOpenMs: null,
    consistency: null,
    reports: { unjudged: 0, oldestMs: null },
    discrepancies: [],
    passes: [],
    repairs: [],
    unfinished: [],
    unfinishedCount: 0,
  });
});

test('lists sources in the order of the configuration, each with its own state only', async () => {
  await discrepancy({ subject: '1' });
  const { sources } = await readOverview(database.pool, [sourceNamed('orders'), gifts]);
  expect(sources.map(({ name, open }) => [name, open])).toEqual([
    ['orders', 0],
    ['gifts', 1],
  ]);
});

test('counts open discrepancies per verdict and leaves out resolved ones', async () => {
  await discrepancy({ subject: '1' });
  await discrepancy({ subject: '2' });
  await discrepancy({ subject: '3', verdict: 'orphan_marker' });
  await discrepancy({ subject: '4' });
  await run(
    `update reconciler.discrepancy set state = 'resolved', resolved_at = now() where subject = 'claim:4'`,
  );
  expect(await readGifts()).toMatchObject({
    openByVerdict: { missing_marker: 2, orphan_marker: 1 },
    open: 3,
    openIsCapped: false,
  });
});

test('stops counting at the ceiling and says so', async () => {
  for (const subject of ['1', '2', '3']) await discrepancy({ subject });
  const { sources } = await readOverview(database.pool, [gifts], { openCountMax: 2 });
  expect(sources[0]).toMatchObject({ open: 2, openIsCapped: true });
});

test('shows the newest five passes and ten repairs, and where each repair stands', async () => {
  for (let secondsAgo = 8; secondsAgo > 0; secondsAgo -= 1) {
    await pass('gifts', secondsAgo, 'completed', { checked: secondsAgo, verdicts: { consistent: 1 } });
  }
  await discrepancy({ subject: '1' });
  await run(
    `insert into reconciler.repair (discrepancy_id, source, action, marker_key, intent, before, after, outcome, ended_at,
       done_by, fencing_token, intended_at)
     select 1, 'gifts', 'reissue_marker', 'gift:' || n, '{}', '{"marker": {"kind": "absent"}}',
       '{"kind": "present", "value": "a-1", "expiresInMs": 5000}', 'applied', now(), 'schedule', 1, now() - n * interval '1 s'
     from generate_series(1, 12) n`,
  );
  await run(
    `insert into reconciler.repair (discrepancy_id, source, action, marker_key, intent, before, done_by, fencing_token,
       intended_at)
     values (1, 'gifts', 'delete_marker', 'gift:begun', '{}', '{"marker": {"kind": "present", "value": "a-2", "expiresInMs": null}}',
       'anna', 1, now() - interval '1 hour')`,
  );
  const shown = await readGifts();
  expect(shown.passes.map(({ checked }) => checked)).toEqual([1, 2, 3, 4, 5]);
  expect(shown.repairs).toHaveLength(10);
  expect(shown.repairs[0]).toMatchObject({
    claimId: '1',
    verdict: 'missing_marker',
    action: 'reissue_marker',
    outcome: 'applied',
    markerKey: 'gift:1',
    before: { kind: 'absent', value: null, expiresInMs: null },
    after: { kind: 'present', value: 'a-1', expiresInMs: 5000 },
  });
  expect(shown.unfinishedCount).toBe(1);
  expect(shown.unfinished[0]).toMatchObject({
    action: 'delete_marker',
    markerKey: 'gift:begun',
    doneBy: 'anna',
  });
});

test('a pass that found nothing behind the checkpoint makes it young again, though it did not move', async () => {
  await checkpoint(3_600);
  expect((await readGifts()).checkpoint?.ageMs).toBeGreaterThanOrEqual(3_600_000);
  await pass('gifts', 20, 'completed', { horizon: '7702', horizonAgeMs: 5_000, stalledBy: null });
  const { checkpoint: shown, horizon } = await readGifts();
  expect(shown).toMatchObject({ changeXid: '7701', id: '42' });
  expect(shown?.ageMs).toBeGreaterThanOrEqual(20_000);
  expect(shown?.ageMs).toBeLessThan(3_600_000);
  expect(horizon?.ageMs).toBeGreaterThanOrEqual(25_000);
});

test('aborted passes and repairs by hand, which read no window, do not make the checkpoint young', async () => {
  await checkpoint(3_600);
  await pass('gifts', 60, 'completed', { horizon: '7702', horizonAgeMs: 0, stalledBy: 'pid 7' });
  await pass('gifts', 5, 'aborted', { horizon: '7703', horizonAgeMs: 0, stalledBy: null });
  await pass('gifts', 4, 'completed', { horizon: '0', horizonAgeMs: 0, stalledBy: null });
  await pass('orders', 1, 'completed', { horizon: '9000', horizonAgeMs: 0, stalledBy: 'somebody else' });
  const { checkpoint: shown, horizon } = await readGifts();
  expect(shown?.ageMs).toBeGreaterThanOrEqual(60_000);
  expect(horizon).toMatchObject({ stalledBy: null });
});

test('a lift of the brake that has run out counts as armed', async () => {
  await run(
    `insert into reconciler.brake (source, state, reason, changed_by, lifted_until)
     values ('gifts', 'lifted', 'too much', 'anna', now() + interval '1 hour')`,
  );
  expect((await readGifts()).brake).toMatchObject({ state: 'lifted', reason: 'too much', changedBy: 'anna' });
  await run(`update reconciler.brake set lifted_until = now() - interval '1 s'`);
  expect((await readGifts()).brake.state).toBe('armed');
});

test('shows open alerts of all sources, the gravest first, and no resolved ones', async () => {
  await run(
    `insert into reconciler.alert (cause, kind, source, severity, summary, state, resolved_at) values
       ('1', 'x', 'gifts', 'info', 'first', 'open', null), ('2', 'x', 'gone', 'critical', 'second', 'acknowledged', null),
       ('3', 'x', 'gifts', 'warning', 'third', 'open', null), ('4', 'x', 'gifts', 'critical', 'over', 'resolved', now())`,
  );
  const { alerts, alertCounts } = await readOverview(database.pool, [gifts]);
  expect(alerts.map(({ summary }) => summary)).toEqual(['second', 'third', 'first']);
  expect(alertCounts).toContainEqual({ source: 'gone', severity: 'critical', count: 1 });
});

test('shortens what claims and markers hold, without halving a character', async () => {
  const hostile = `<script>\u0007\u202E${'\u{1F381}'.repeat(10_000)}`;
  await discrepancy({ subject: '1', markerKey: hostile });
  const [found] = (await readGifts()).discrepancies;
  expect(found?.markerKey).toBe(`<script>\u0007\u202E${'\u{1F381}'.repeat(490)}…`);
});

describe('the share of claims that were consistent in time', () => {
  /** A discrepancy found so many seconds ago, of a row committed no earlier than that, resolved after so many seconds. */
  async function lasted(subject: string, times: { found: number; committed?: number; resolved?: number }) {
    await run(
      `insert into reconciler.discrepancy (source, subject, verdict, evidence, first_seen_at, committed_after, state, resolved_at)
       values ('gifts', 'claim:' || $1::text, 'missing_marker', '{}', now() - $2 * interval '1 s',
         now() - $3::float8 * interval '1 s', case when $4::float8 is null then 'open' else 'resolved' end,
         now() - $4::float8 * interval '1 s')`,
      [subject, times.found, times.committed ?? null, times.resolved ?? null],
    );
  }

  it('counts from the commit where that is known, and until the claim was right or now', async () => {
    await pass('gifts', 3_000, 'completed', { checked: 60 });
    await pass('gifts', 5, 'completed', { checked: 40 });
    await pass('orders', 5, 'completed', { checked: 1_000 });
    await lasted('1', { found: 600, committed: 650, resolved: 599 });
    await lasted('2', { found: 600, committed: 1_000, resolved: 599 });
    await lasted('3', { found: 1_000 });
    await lasted('4', { found: 600, resolved: 400 });
    await lasted('5', { found: 2_000, committed: 2_050, resolved: 1_000 });
    expect((await readGifts()).consistency).toEqual({
      judged: 100,
      within: { '1m': 0.96, '5m': 0.97, '15m': 0.98 },
    });
  });

  it('is that of the last hour, with the whole of a pass that began before it', async () => {
    await pass('gifts', 9_000, 'completed', { checked: 1_000 });
    await lasted('1', { found: 8_000 });
    expect((await readGifts()).consistency).toBeNull();
    await run(insertPass, ['gifts', 'schedule', 7_200, 'completed', JSON.stringify({ checked: 10 })]);
    await run(`update reconciler.pass set ended_at = now() where started_at > now() - interval '7300 s'`);
    await lasted('2', { found: 7_000 });
    expect((await readGifts()).consistency).toEqual({
      judged: 10,
      within: { '1m': 0.9, '5m': 0.9, '15m': 0.9 },
    });
  });

  it('is none where nothing was judged, and never below nothing', async () => {
    await pass('gifts', 5, 'completed', { checked: 0 });
    await lasted('1', { found: 4, committed: 90 });
    expect((await readGifts()).consistency).toBeNull();
    await pass('gifts', 2, 'completed', { checked: 1 });
    await lasted('2', { found: 4, committed: 90 });
    expect((await readGifts()).consistency?.within).toEqual({ '1m': 0, '5m': 1, '15m': 1 });
  });

  it('does not hold against a claim what was ignored by policy', async () => {
    await pass('gifts', 5, 'completed', { checked: 10 });
    await lasted('1', { found: 4, committed: 400, resolved: 1 });
    await run(`update reconciler.discrepancy set resolution = 'ignored'`);
    expect((await readGifts()).consistency?.within).toEqual({ '1m': 1, '5m': 1, '15m': 1 });
  });
});

test('tells how old the oldest open discrepancy and the oldest unjudged report are, and how many reports wait', async () => {
  await discrepancy({ subject: '1' });
  await discrepancy({ subject: '2' });
  await run(`update reconciler.discrepancy set first_seen_at = now() - interval '1 hour',
      committed_after = '2026-11-21T08:00:00Z' where subject = 'claim:2'`);
  await run(
    `insert into reconciler.report (source, marker_key, attempt, reason, reported_by, reported_at, judged_at)
     select 'gifts', 'gift:1', 'a1', 'time-out', 'shop', now() - n * interval '10 s', case when n = 3 then now() end
     from generate_series(3, 1, -1) n`,
  );
  const { oldestOpenMs, reports, discrepancies } = await readGifts();
  expect(oldestOpenMs).toBeGreaterThanOrEqual(3_600_000);
  expect(reports).toEqual({ unjudged: 2, oldestMs: expect.any(Number) });
  expect(reports.oldestMs).toBeGreaterThanOrEqual(20_000);
  expect(reports.oldestMs).toBeLessThan(3_600_000);
  const known = discrepancies.find(({ claimId, subject }) => claimId === '2' || subject === 'claim:2');
  expect(Date.parse(known?.committedAfter ?? '')).toBe(Date.parse('2026-11-21T08:00:00Z'));
});

test('reads through indexes only, also when one source has very much open and another nothing', async () => {
  await run(
    `insert into reconciler.discrepancy (source, subject, claim_id, verdict, evidence)
     select 'gifts', 'claim:' || n, n, 'missing_marker', '{}' from generate_series(1, 20000) n`,
  );
  await run(
    `insert into reconciler.pass (source, asked_by, mode, fencing_token)
     select 'gifts', 'schedule', 'repair', 1 from generate_series(1, 20000)`,
  );
  await run(
    `insert into reconciler.report (source, marker_key, attempt, reason, reported_by, judged_at)
     select 'gifts', 'gift:1', 'a1', 'time-out', 'shop', now() from generate_series(1, 20000)`,
  );
  await run('analyze reconciler.discrepancy, reconciler.pass, reconciler.report');
  const sql = readFileSync(new URL('../../src/postgres/overview.sql', import.meta.url), 'utf8');
  const client = await database.pool.connect();
  try {
    await client.query('begin; set local enable_seqscan = off; set local enable_bitmapscan = off');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain (costs off) ${sql}`, [
      ['orders', 'gifts'],
      1_001,
      501,
    ]);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).not.toMatch(/Seq Scan|Bitmap/);
    expect(plan).not.toContain('pass_pkey');
    expect(plan).toContain('pass_source');
    expect(plan).toMatch(/discrepancy_(due|open)/);
    expect(plan).toContain('discrepancy_seen');
    expect(plan).toContain('report_unjudged');
    expect(plan).toContain('pass_started');
  } finally {
    client.release(true);
  }
});

test('a state that cannot be read is an error for people, never an empty overview', async () => {
  const bare = await createDatabase();
  try {
    await expect(readOverview(bare.pool, [gifts])).rejects.toMatchObject({ code: 'configuration' });
  } finally {
    await bare.drop();
  }
});
