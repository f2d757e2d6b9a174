/**
 * The configuration as a whole: what a file becomes, what a bad one gets, and what never gets into a message.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, readEnvironment } from '../src/config.ts';
import { defaultPolicy } from '../src/domain/verdict.ts';
import { inspectTable } from '../src/postgres/inspect-table.ts';
import { migrate } from '../src/postgres/migrate.ts';
import { validateSchedule } from '../src/schedule/cron.ts';
import { createDatabase, type TestDatabase } from './support/database.ts';
import { gifts, smallest, stores, useFolder } from './config/written-config.ts';

const { load, complaints } = useFolder();

describe('the smallest file', () => {
  it('gets every default', async () => {
    const { file, ...config } = await load(smallest);
    expect(file).toMatch(/written\.yaml$/);
    expect(config).toEqual({
      warnings: [],
      database: { url: 'postgres://app:pg-secret@127.0.0.1:5432/claims' },
      markerRedis: { url: 'redis://:redis-secret@127.0.0.1:6379/0' },
      queueRedis: { url: 'redis://:redis-secret@127.0.0.1:6379/0' },
      http: { host: '127.0.0.1', port: 3020, credentials: [], readOnly: false },
      log: { level: 'info' },
      timezone: 'UTC',
      reading: { rowsPerSecond: null, pauseAboveMs: null, chunks: { over: 500_000, rows: 100_000 } },
      alerts: { receivers: [], runbook: 'docs/runbook.md' },
      canary: null,
      sources: [
        {
          name: 'gifts',
          table: { schema: 'public', name: 'gift_claim' },
          columns: {
            id: 'id',
            attempt: 'attempt_id',
            status: 'status',
            change: 'change_xid',
            expiry: { expiresAt: 'expires_at' },
          },
          marker: {
            key: [
              { kind: 'literal', text: 'gift:' },
              { kind: 'column', name: 'uid' },
            ],
            value: [{ kind: 'column', name: 'attempt_id' }],
          },
          statuses: { pending: [], granted: ['granted'], released: [] },
          rules: {
            mode: 'observe',
            policy: defaultPolicy,
            toleranceMs: 60_000,
            valueNamesAttempt: true,
            graceMs: 60_000,
            brake: { repairsPerPlan: 500, repairsPerHour: 2_000, share: 0.05, shareSample: 200 },
            notGranted: 'grant',
          },
          distributor: null,
          schedule: '*/10 * * * * *',
          rewindMs: 3_600_000,
        },
      ],
    });
  });

  it.each([
    ["'{attempt_id}'", true],
    ["'v1:{attempt_id}'", true],
    ["'{driver_id}'", false],
    ["'1'", false],
    ['any', false],
  ])('whose marker holds %s: names the attempt: %s', async (value, expected) => {
    const { sources } = await load(smallest.replace("'{attempt_id}'", value));
    expect(sources[0]?.rules.valueNamesAttempt).toBe(expected);
    expect(sources[0]?.marker.value === null).toBe(value === 'any');
  });

  it.each([
    ['30s', 3_000],
    ['10m', 60_000],
    ['180d', 60_000],
    ['4ms', 1],
  ])('whose markers live for %s has a tolerance of %d ms', async (ttl, toleranceMs) => {
    const text = smallest.replace('expiresAt', 'createdAt').replace("'{attempt_id}'", `any, ttl: ${ttl}`);
    expect((await load(text)).sources[0]?.rules.toleranceMs).toBe(toleranceMs);
  });
});

describe('a file with everything in it', () => {
  it('is taken as it says', async () => {
    const config = await load(`
database: { url: 'postgresql://app@db.internal/claims?sslmode=verify-full' }
markerRedis: { url: 'rediss://markers.internal:6380' }
queueRedis: { url: 'rediss://queue.internal:6380/1' }
log: { level: debug }
timezone: Asia/Shanghai
sources:
  order-grabs:
    table: shop.order_grab
    columns: { id: grab_id, attempt: attempt, status: state, change: changed_by, createdAt: at }
    marker: { key: 'order:{order_id}', value: '{driver_id}', ttl: 30s, tolerance: 2s }
    statuses: { pending: 0, granted: [1, 2], released: [] }
    mode: repair
    grace: 5s
    schedule: '*/5 * * * *'
    policy: { in_doubt: ignore, orphan_marker: alert, unreadable_claim: ignore }
    brake: { repairsPerPlan: 1, repairsPerHour: 2, share: 12.5%, shareSample: 3 }
    rewind: 0s
`);
    expect(config.database.url).toContain('sslmode=verify-full');
    expect(config.queueRedis.url).toBe('rediss://queue.internal:6380/1');
    expect([config.log.level, config.timezone]).toEqual(['debug', 'Asia/Shanghai']);
    expect(config.sources[0]).toMatchObject({
      name: 'order-grabs',
      table: { schema: 'shop', name: 'order_grab' },
      columns: { id: 'grab_id', change: 'changed_by', expiry: { createdAt: 'at', ttlMs: 30_000 } },
      statuses: { pending: ['0'], granted: ['1', '2'], released: [] },
      rules: {
        mode: 'repair',
        policy: { ...defaultPolicy, in_doubt: 'ignore', orphan_marker: 'alert', unreadable_claim: 'ignore' },
        toleranceMs: 2_000,
        graceMs: 5_000,
        brake: { repairsPerPlan: 1, repairsPerHour: 2, share: 0.125, shareSample: 3 },
      },
      distributor: null,
      schedule: '*/5 * * * *',
      rewindMs: 0,
    });
  });

  it('may leave sections empty', async () => {
    const text = `${smallest}    policy:\n    brake:\nhttp:\nlog:\nqueueRedis:\n`;
    expect(await load(text)).toMatchObject({ http: { port: 3020 }, log: { level: 'info' } });
  });
});

describe('a bad file', () => {
  it('gets all problems at once, those of one section together', async () => {
    const { head, lines } = await complaints(
      `
database: { url: mysql://root:top-secret@db/claims }
markerRedis: redis://:top-secret@cache
http: { host: 0.0.0.0, prot: 3020, credentials: top-secret }
log: { level: loud }
timezone: postgres://u:top-secret@h
source: {}
sources:
  gifts:
    table: gift-claim
    columns: { id: id, atempt: attempt_id, status: 1st }
    marker: { key: 'gift:{uid', ttl: 5 }
    statuses: { granted: [ok, done], released: ok, expired: [] }
    grace: \${GRACE}
    schedule: every minute
    policy: { unreadable_claim: repair, missing_markr: alert }
    brake: { share: 5, repairsPerPlan: 0 }
  orders: { table: a.b.c }
`,
      { env: { GRACE: 'top-secret' }, validateSchedule },
    );
    expect(head).toMatch(
      /^The configuration in .*written\.yaml has \d+ problems; nothing was started or changed:$/,
    );
    expect(head).toContain(` ${lines.length} problems`);
    expect(lines.join('\n')).not.toContain('top-secret');
    expect(lines.map((line) => line.replace(/: .*/, ''))).toEqual([
      'database.url',
      'markerRedis',
      'http.credentials',
      'http.prot',
      'log.level',
      'timezone',
      ...['table', 'columns.attempt', 'columns.status', 'columns.atempt', 'marker.value', 'marker.ttl'].map(
        inGifts,
      ),
      ...['statuses.expired', 'mode', 'grace', 'schedule', 'policy.unreadable_claim'].map(inGifts),
      ...['policy.missing_markr', 'brake.repairsPerPlan', 'brake.share'].map(inGifts),
      ...['columns', 'marker.key', 'statuses'].map(inGifts),
      ...['table', 'columns', 'marker', 'statuses', 'mode'].map((key) => `sources.orders.${key}`),
      'source',
    ]);
    function inGifts(key: string): string {
      return `sources.gifts.${key}`;
    }
  });

  it.each([
    [
      'mode: observe',
      'mode: repiar',
      /^sources\.gifts\.mode: must be observe or repair \(.*\); it is "repiar"$/,
    ],
    [
      '    mode: observe\n',
      '',
      /^sources\.gifts\.mode: is missing; it must be observe or repair \(.*no default/,
    ],
    ['{ granted: granted }', '{ pending: [] }', /^sources\.gifts\.statuses\.granted: is missing; it must be/],
    ['{ granted: granted }', '{ granted: [] }', /^sources\.gifts\.statuses\.granted: is empty; it must be/],
    [
      '{ granted: granted }',
      '{ granted: [a, {}] }',
      /statuses\.granted\[1\]: must be .*; it is a map of keys$/,
    ],
    [
      'id: id',
      'id: "id; drop table x"',
      /^sources\.gifts\.columns\.id: must name the column that identifies a claim/,
    ],
    [
      'table: gift_claim',
      `table: ${'x'.repeat(64)}`,
      /^sources\.gifts\.table: must name .*; it is "x{60}…"$/,
    ],
    [
      'mode: observe',
      'mode: observe\n    grace: 30',
      /grace: must be a duration with its unit, such as .*; it is "30"$/,
    ],
    ['mode: observe', 'mode: observe\n    grace: 2d', /grace: must be a duration .* at most 1d; it is "2d"$/],
    ['mode: observe', 'mode: observe\n    grace:', /grace: is empty; it must be a duration/],
    [
      'mode: observe',
      'mode: observe\n    distributer: x',
      /distributer: unknown key; did you mean distributor\?$/,
    ],
    ['mode: observe', 'mode: observe\n    gracePeriod: 1m', /gracePeriod: unknown key/],
    [
      'mode: observe',
      "mode: observe\n    schedule: '* * * *'",
      /schedule: must be a cron expression of five fields/,
    ],
    [
      'mode: observe',
      "mode: observe\n    schedule: '99 * * * *'",
      /schedule: must be .* \(99 is .*minute\); it is "99/,
    ],
    ['status: status', 'status: status, expires_at: x', /expires_at: unknown key; did you mean expiresAt\?$/],
  ])('with %j changed to %j is told what to do', async (from, to, expected) => {
    const { lines } = await complaints(smallest.replace(from, to), { validateSchedule });
    expect(lines).toEqual([expect.stringMatching(expected)]);
  });

  it.each([
    ['http: { port: 65536 }', /^http\.port: must be a whole number from 0 to 65535; it is "65536"$/],
    ['http: { port: 30.5 }', /^http\.port: /],
    [
      'http: { credentials: { username: "a:b", password: top-secret } }',
      /^http\.credentials\.username: must be a name without a colon$/,
    ],
    [
      'http: { credentials: { username: a } }',
      /^http\.credentials\.password: is missing; it must be a password$/,
    ],
    ['timezone: Mars/Olympus', /^timezone: must be the name of a time zone, .*; it is "Mars\/Olympus"$/],
    [
      'queueRedis: { url: "redis//x" }',
      /^queueRedis\.url: must be the URL of a Redis, .* \(QUEUE_REDIS_URL, if set, wins;/,
    ],
    [
      'redis: { url: "redis://x" }',
      /^redis: unknown key; the keys here are database, markerRedis, queueRedis/,
    ],
  ])('that says %j is told what to do', async (text, expected) => {
    const { lines } = await complaints(`${smallest}\n${text}`);
    expect(lines).toEqual([expect.stringMatching(expected)]);
  });

  it('without stores is told of the variables that can name them', async () => {
    const { lines } = await complaints(`sources:${gifts}`);
    expect(lines).toEqual([
      expect.stringMatching(/^database\.url: is missing; .* \(DATABASE_URL, if set, wins;/),
      expect.stringMatching(/^markerRedis\.url: is missing; .* \(REDIS_URL, if set, wins;/),
    ]);
    expect((await complaints(stores)).lines).toEqual([expect.stringMatching(/^sources: is missing;/)]);
  });
});

describe('the example at the root', () => {
  const path = fileURLToPath(new URL('../reconciler.config.yaml', import.meta.url));
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase();
    await migrate(database.pool);
    await database.pool.query(
      await readFile(new URL('../src/demo/demo-tables.sql', import.meta.url), 'utf8'),
    );
  });
  afterAll(async () => database.drop());

  it('is what the documentation shows', async () => {
    const page = await readFile(new URL('../docs/configuration.md', import.meta.url), 'utf8');
    expect(page).toContain(`\`\`\`yaml\n${await readFile(path, 'utf8')}\`\`\``);
  });

  it('is right, and fits the tables of the demo', async () => {
    const { sources, warnings } = await loadConfig({ path, env: {}, cwd: '/', validateSchedule });
    expect(warnings).toEqual([]);
    expect(sources.map(({ name }) => name)).toEqual(['gifts', 'order-grabs']);
    for (const source of sources) {
      expect(await inspectTable(database.pool, source)).toMatchObject({ problems: [], idType: 'bigint' });
    }
  });
});

describe('the environment', () => {
  it('is that of the process', () => {
    expect(readEnvironment()).toBe(process.env);
  });
});
