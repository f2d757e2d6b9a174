/**
 * The daemon and the commands with no more rights than `ops/` gives them: every kind of repair, the schedule, alerts, undo,
 * explain, the dashboard. Postgres, markers and queue are on servers of their own, each entered as its own user.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeOpenClaim } from '../../src/domain/open-claim.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { readText } from '../architecture/source-files.ts';
import { useProgram, type Ran } from '../cli/support/program.ts';
import { shopConfig, type ShopSettings } from '../cli/support/shop-config.ts';
import { reply, useGrantServer } from '../distributor/grant-server.ts';
import { basic } from '../http/options.ts';
import { accessList, allow, ownGrants, urlAs } from '../ops/support/least-rights.ts';
import { dayMs } from '../reconcile/support/claim-tables.ts';
import { createWorld, type World } from '../reconcile/support/world.ts';
import { startFakeReceiver, type FakeReceiver } from '../support/fake-receiver.ts';
import { waitFor } from '../support/wait-for.ts';
import { startShopDaemon } from './support/shop-daemon.ts';

const program = useProgram();
const distributor = useGrantServer();
const password = 'of-each-user';
let servers: Readonly<Record<'postgres' | 'markers' | 'queue', RunningServer>>;
let markers: Redis;
let queue: Redis;
let world: World;
let receiver: FakeReceiver;
let settings: ShopSettings;

const claimGrants = `
  grant usage on schema public to claim_reconciler;
  grant select, insert (uid, attempt_id, status, expires_at), update (status) on gift_claim to claim_reconciler;
  grant select (id, order_id, driver_id, status, grabbed_at, change_xid) on order_grab to claim_reconciler;`;

beforeAll(async () => {
  // As an administrator has it: a file beside the server's own.
  const file = join(program.folder(), 'redis-acl.conf');
  await writeFile(file, accessList(password));
  const options = { env: process.env, settings: { include: file } };
  const [postgres, markerServer, queueServer] = await Promise.all([
    startPostgres({ env: process.env }),
    startRedis(options),
    startRedis(options),
  ]);
  servers = { postgres, markers: markerServer, queue: queueServer };
  markers = new Redis(markerServer.url);
  queue = new Redis(queueServer.url);
  receiver = await startFakeReceiver();
  world = await createWorld({ redisUrl: markerServer.url, serverUrl: postgres.url });
  await world.pool.query(`${readText('ops/postgres-roles.sql')}; ${ownGrants()}; ${claimGrants}
    alter role claim_reconciler password '${password}'; alter role claim_reconciler_owner password '${password}'`);
  settings = {
    databaseUrl: urlAs(world.databaseUrl, 'claim_reconciler', password),
    markersUrl: urlAs(markerServer.url, 'claim-reconciler-markers', password),
    queueUrl: urlAs(queueServer.url, 'claim-reconciler-queue', password),
    grace: '1s',
    http: '{ port: 0, credentials: { username: oncall, password: of-the-dashboard } }',
    alerts: `{ receivers: { hook: { kind: webhook, url: '${receiver.url}', secret: 0123456789abcdef, allowPrivate: true } } }`,
    distributor: `{ url: '${distributor.url()}', timeout: 500ms }`,
    // Every window is large.
    reading: '{ rowsPerSecond: 100000, pauseAbove: 5s, chunks: { over: 0, rows: 1000 } }',
  };
});

afterAll(async () => {
  markers.disconnect();
  queue.disconnect();
  await receiver.close();
  await world.drop();
  await Promise.all(Object.values(servers).map(async (server) => server.stop()));
});

async function run(...args: string[]): Promise<Ran> {
  const config = await program.write('shop.yaml', shopConfig(world, settings, true));
  return program.run([...args, '--config', config]);
}

/** One claim for each kind of repair. */
async function breakClaims(): Promise<void> {
  const now = Date.now();
  const gifts = await Promise.all(
    ['granted', 'granted', 'granted', 'granted', 'failed', 'pending', 'granted'].map(async (status) =>
      world.addGift({ status }),
    ),
  );
  const [, immortal, wrong, conflicting, orphan, , unreadable] = gifts;
  if (!immortal || !wrong || !conflicting || !orphan || !unreadable) throw new Error('no gift');
  await world.setMarker(immortal, { expiresInMs: null });
  await world.setMarker(wrong, { expiresInMs: dayMs / 2 });
  await world.setMarker(conflicting, { value: 'nobody-knows' });
  await world.setMarker(orphan);
  await markers.hset(unreadable.key, 'not', 'a string');
  const open = { markerKey: 'gift:77', markerValue: 'lost', attempt: 'lost', columns: { uid: 77 } };
  await markers.set(open.markerKey, open.markerValue, 'PX', dayMs);
  const member = encodeOpenClaim({ ...open, expiresAtMs: now + dayMs });
  await markers.zadd('claim-reconciler:open-claims:gifts', now - 5_000, member);
}

async function appliedActions(): Promise<string[]> {
  return (await world.repairs())
    .filter(({ outcome }) => outcome === 'applied')
    .map(({ action }) => action)
    .sort();
}

describe('with no more rights than ops/ gives', () => {
  it('the program is ready, and repairs, schedules, tells and shows as ever', async () => {
    expect(await run('check')).toMatchObject({ code: 0, err: [] });
    distributor.will((response, { path }) => {
      const answer = path.endsWith('nobody-knows') ? { answer: 'not_granted' } : { answer: 'granted' };
      reply(200, answer)(response, { method: '', path, headers: {}, body: '' });
    });
    await breakClaims();
    const daemon = await startShopDaemon(world, program, { ...settings, withOrders: true });
    try {
      const { url } = await daemon.started;
      await waitFor(async () => (await appliedActions()).length === 7, { what: 'all repairs' });
      expect(await appliedActions()).toEqual([
        'delete_marker',
        'reissue_marker',
        'replace_marker',
        'set_expiry',
        'set_expiry',
        'settle_granted',
        'write_claim',
      ]);
      await waitFor(() => receiver.taken().length > 0, { what: 'the receiver to be told' });
      await waitFor(async () => (await queue.zcard('claim-reconciler:queue:chunks:completed')) > 0, {
        what: 'a chunk',
      });
      const headers = basic('oncall', 'of-the-dashboard');
      for (const path of [
        '/',
        '/api/status',
        '/metrics',
        '/queues',
        '/queues/api/queues?activeQueue=passes',
        '/queues/api/queues?activeQueue=chunks',
        '/readyz',
      ]) {
        expect({ path, status: (await fetch(`${url}${path}`, { headers })).status }).toEqual({
          path,
          status: 200,
        });
      }
      for (const work of ['pause', 'resume', 'clean/completed', 'promote']) {
        const answer = await fetch(`${url}/queues/api/queues/passes/${work}`, { method: 'PUT', headers });
        expect({ work, status: answer.status }).toEqual({ work, status: 200 });
      }
    } finally {
      await daemon.stop();
    }
    expect(daemon.log().join('\n')).not.toMatch(/NOPERM|permission|privilege/i);
    await expectNothingRefused();
  });

  it('people can look, repair by hand, take back, report, rewind and resume', async () => {
    const claim = await world.addGift();
    const gone = await world.addGift({ status: 'failed' });
    await world.setMarker(gone);
    await world.settle(1_000);
    expect((await run('status')).err).toEqual([]);
    expect((await run('explain', 'claim', claim.id, '--source', 'gifts')).out.join('\n')).toContain(
      'missing_marker',
    );
    expect((await run('explain', 'marker', gone.key, '--source', 'gifts')).err).toEqual([]);
    expect(await run('repair', 'claim', claim.id, '--source', 'gifts', '--apply')).toMatchObject({ err: [] });
    expect(await world.readMarker(claim.key)).toMatchObject({ value: claim.attempt });
    const last = (await world.repairs()).findLast(({ key }) => key === claim.key);
    expect(await run('undo', '--repair', last?.id ?? '')).toMatchObject({ err: [] });
    expect(await world.readMarker(claim.key)).toBeNull();
    const about = ['--marker', gone.key, '--attempt', gone.attempt, '--reason', 'DEL failed'];
    expect((await run('report', '--source', 'gifts', ...about)).err).toEqual([]);
    expect((await run('rewind', '--source', 'gifts', '--by', '1h')).err).toEqual([]);
    expect((await run('reconcile', '--source', 'gifts')).err).toEqual([]);
    expect(await world.readMarker(gone.key)).toBeNull();
    expect((await run('alerts')).err).toEqual([]);
    const { rows } = await world.pool.query<{ id: string }>(
      `select id::text from reconciler.alert where state = 'open' limit 1`,
    );
    expect((await run('alerts', 'acknowledge', rows[0]?.id ?? '')).err).toEqual([]);
    expect((await run('resume', '--source', 'gifts')).err).toEqual([]);
    await expectNothingRefused();
  });

  it('the owner of the schema migrates it, without any right on the database', async () => {
    await world.pool.query('create database empty_one');
    const url = new URL(servers.postgres.url);
    url.pathname = '/empty_one';
    const admin = new Pool({ connectionString: url.href });
    await admin.query(readText('ops/postgres-roles.sql'));
    const config = { ...settings, databaseUrl: urlAs(url.href, 'claim_reconciler_owner', password) };
    const path = await program.write('owner.yaml', shopConfig(world, config));
    expect(await program.run(['migrate', '--config', path])).toMatchObject({ code: 0, err: [] });
    await admin.query(ownGrants());
    await admin.end();
  });

  it('what they do not need they may not do', async () => {
    const role = new Pool({ connectionString: settings.databaseUrl ?? '' });
    const refused = { code: '42501' };
    for (const statement of [
      'delete from reconciler.alert',
      'delete from reconciler.checkpoint',
      'delete from gift_claim',
      'update gift_claim set attempt_id = null',
      'drop table reconciler.pass',
      'create table reconciler.mine ()',
      'insert into reconciler.migration values (null, null)',
    ]) {
      await expect(role.query(statement), statement).rejects.toMatchObject(refused);
    }
    await role.end();
    const user = new Redis(settings.markersUrl ?? '');
    for (const call of [
      ['keys', '*'],
      ['scan', '0'],
      ['flushall'],
      ['get', 'session:1'],
      ['config', 'get', '*'],
      ['acl', 'list'],
    ]) {
      const [command = '', ...args] = call;
      await expect(user.call(command, ...args), call.join(' ')).rejects.toThrow(/NOPERM/);
    }
    user.disconnect();
    await Promise.all([markers, queue].map(async (redis) => redis.call('ACL', 'LOG', 'RESET')));
  });
});

describe('check', () => {
  it.each([
    {
      what: 'a command on markers',
      take: async () => markers.call('ACL', 'SETUSER', 'claim-reconciler-markers', '-del'),
      said: 'marker redis: the user claim-reconciler-markers may not run del on keys such as gift:0 (markers of gifts); run: ACL SETUSER claim-reconciler-markers ~gift:* +del',
    },
    {
      what: 'the keys of a source',
      take: async () => markers.call('ACL', 'SETUSER', 'claim-reconciler-markers', 'resetkeys', '~gift:*'),
      said: 'marker redis: the user claim-reconciler-markers may not run del, get, mget, pexpire, pttl, set, type on keys such as order:0 (markers of orders); run: ACL SETUSER claim-reconciler-markers ~order:* +del +get +mget +pexpire +pttl +set +type',
    },
    {
      what: 'a command without keys',
      take: async () => markers.call('ACL', 'SETUSER', 'claim-reconciler-markers', '-info'),
      said: 'marker redis: the user claim-reconciler-markers may not run info (connections); run: ACL SETUSER claim-reconciler-markers +info',
    },
    {
      what: 'scripts',
      take: async () => markers.call('ACL', 'SETUSER', 'claim-reconciler-markers', '-evalsha'),
      said: 'marker redis: the user claim-reconciler-markers may not run scripts, without which nothing else can be asked; run: ACL SETUSER claim-reconciler-markers +eval +evalsha',
    },
    {
      what: 'the keys of the queue',
      take: async () => queue.call('ACL', 'SETUSER', 'claim-reconciler-queue', '-zadd'),
      said: 'queue redis: the user claim-reconciler-queue may not run zadd on keys such as claim-reconciler:queue:x (queues); run: ACL SETUSER claim-reconciler-queue ~claim-reconciler:* +zadd',
    },
  ])('names $what when it is missing, and the daemon does not start', async ({ take, said }) => {
    try {
      await take();
      const { code, out } = await run('check');
      expect(code).toBe(2);
      expect(out).toContain(`problem  ${said}`);
      const daemon = await startShopDaemon(world, program, { ...settings, withOrders: true });
      await expect(daemon.started).rejects.toMatchObject({
        code: 'configuration',
        message: expect.stringContaining(said),
      });
    } finally {
      await allow(markers, accessList(password), 'claim-reconciler-markers');
      await allow(queue, accessList(password), 'claim-reconciler-queue');
    }
    expect((await run('check')).code).toBe(0);
  });
});

/** What a client swallows is on record at the server all the same. */
async function expectNothingRefused(): Promise<void> {
  for (const redis of [markers, queue]) expect(await redis.call('ACL', 'LOG')).toEqual([]);
}
