/**
 * The commands around a pass on real stores: `migrate`, `check`, `status`, `rewind`, `resume`.
 */
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { useProgram, type Ran } from './support/program.ts';
import { shopConfig, type ShopSettings } from './support/shop-config.ts';

const worlds = useWorlds();
const program = useProgram();
let world: World;

beforeEach(async () => {
  world = await worlds.create();
});

async function run(args: readonly string[], settings: ShopSettings = {}): Promise<Ran> {
  const config = await program.write('shop.yaml', shopConfig(world, settings));
  await world.settle();
  return program.run([...args, '--config', config]);
}

const tightBrake = '{ repairsPerPlan: 1, repairsPerHour: 10, share: 100%, shareSample: 1000 }';

describe('migrate', () => {
  it('creates the schema, once', async () => {
    await world.pool.query('drop table gift_claim, order_grab; drop schema reconciler cascade');
    const config = await program.write('shop.yaml', shopConfig(world));
    const first = await program.run(['migrate', '--config', config]);
    expect(first).toMatchObject({ code: 0, err: [] });
    expect(first.out.join('\n')).toMatch(/^Applied 001-schema.+002-/);
    expect(await program.run(['migrate', '--config', config])).toMatchObject({
      code: 0,
      out: ['The schema is up to date; nothing was changed.'],
    });
    expect((await program.run(['migrate', '--json', '--config', config])).json()).toEqual({ applied: [] });
  });
});

describe('while Redis is away', () => {
  it.each([['status'], ['resume', '--source', 'gifts'], ['alerts']])(
    '%s tells what Postgres knows',
    async (...args) => {
      const nowhere = 'redis://127.0.0.1:1/0';
      expect(await run(args, { markersUrl: nowhere, queueUrl: nowhere })).toMatchObject({ code: 0, err: [] });
    },
  );
});

describe('check', () => {
  it('exits 0 when everything is in order', async () => {
    const { code, out } = await run(['check']);
    expect(code).toBe(0);
    expect(out.at(-1)).toBe('Ready: configuration, Postgres, Redis and the sources gifts are in order.');
    expect((await run(['check', '--json'])).json()).toMatchObject({ ok: true });
  });

  it('warns of a queue Redis that may evict jobs, and exits 0', async () => {
    const evicting = await startRedis({
      env: process.env,
      settings: { maxmemory: '50mb', 'maxmemory-policy': 'allkeys-lru' },
    });
    onTestFinished(async () => evicting.stop());
    const { code, out } = await run(['check'], { queueUrl: evicting.url });
    expect(code).toBe(0);
    expect(out).toEqual([
      expect.stringMatching(/^warning {2}queue redis: .*maxmemory-policy allkeys-lru.*noeviction/),
      expect.stringMatching(/^Ready: /),
    ]);
  });

  it('exits 2 with the problems of all stores together, and changes nothing', async () => {
    await world.pool.query(
      'alter table gift_claim disable trigger stamp_change; drop index gift_claim_change',
    );
    const { code, out } = await run(['check'], { markersUrl: 'redis://127.0.0.1:1/0' });
    expect(code).toBe(2);
    const problems = out.filter((line) => line.startsWith('problem  '));
    expect(problems.filter((line) => line.startsWith('problem  sources.gifts: ')).length).toBeGreaterThan(1);
    expect(problems.filter((line) => line.startsWith('problem  redis: '))).toHaveLength(1);
    expect(out.at(-1)).toBe(
      `${problems.length} problems; the daemon would not start or not work. Nothing was changed.`,
    );
  });

  it('exits 2 for a checkpoint of another history, which passes would refuse', async () => {
    await world.addGift();
    await world.runPass();
    await world.pool.query(`update reconciler.checkpoint set timeline = '00000009'`);
    const { code, out } = await run(['check']);
    expect(code).toBe(2);
    expect(out[0]).toMatch(
      /^problem {2}sources\.gifts: its checkpoint is refused, and passes would judge nothing: the timeline changed/,
    );
  });

  it('exits 2 when the schema is missing, and says what to run', async () => {
    await world.pool.query('drop schema reconciler cascade');
    const config = await program.write('shop.yaml', shopConfig(world));
    const { code, out } = await program.run(['check', '--config', config]);
    expect(code).toBe(2);
    expect(out.join('\n')).toContain('run: claim-reconciler migrate');
  });

  it('exits 2 when Postgres cannot be reached, and tells of Redis all the same', async () => {
    const unreachable = {
      databaseUrl: 'postgres://a:hidden@127.0.0.1:1/x',
      markersUrl: 'redis://127.0.0.1:1/0',
    };
    const ran = await run(['check', '--json'], unreachable);
    expect(ran.code).toBe(2);
    expect(ran.json()).toMatchObject({
      ok: false,
      findings: [
        { where: 'postgres', grade: 'problem', text: expect.stringContaining('ECONNREFUSED') },
        { where: 'redis', grade: 'problem' },
      ],
    });
    expect(ran.out.join('\n')).not.toContain('hidden');
  });
});

describe('status', () => {
  it('exits 0 before the first pass and while nothing is open', async () => {
    const before = await run(['status']);
    expect(before.code).toBe(0);
    expect(before.out[0]).toMatch(/^source +mode +checkpoint +horizon +open +brake +last pass$/);
    expect(before.out[1]).toMatch(/^gifts +repair +none yet/);
    await world.setMarker(await world.addGift());
    await run(['reconcile']);
    const after = await run(['status']);
    expect(after.code).toBe(0);
    expect(after.out[1]).toMatch(/^gifts +repair +\d+ .+ ago .+ 0 +armed +1 completed, judged 1$/);
  });

  it('exits 3 while discrepancies are open, and shows them with their alerts', async () => {
    await world.addGift({ status: 'pending' });
    await run(['reconcile']);
    const { code, out } = await run(['status']);
    expect(code).toBe(3);
    expect(out).toContain('gifts: open: 1 in_doubt');
    expect(out.join('\n')).toMatch(/^alert 1 \(warning, open\): .+in_doubt/m);
    expect((await run(['status', '--json'])).json()).toMatchObject({
      sources: [{ name: 'gifts', open: 1 }],
      alerts: [{ severity: 'warning' }],
    });
  });

  it('says which receiver does not take alerts, and why', async () => {
    const alerts = `{ receivers: { oncall: { kind: slack, url: 'https://hooks.example/top-secret' } } }`;
    expect((await run(['status', '--json'], { alerts })).json()).toMatchObject({ deliveries: [] });
    await world.pool.query(
      `with alert as (
         insert into reconciler.alert (cause, kind, source, severity, summary) values
           ('gifts:stall', 'stall', 'gifts', 'warning', 'stood still') returning id)
       insert into reconciler.alert_delivery
         (alert_id, receiver, transition, state, attempts, last_error, next_try_at, gave_up_at)
       select id, 'oncall', 'opened', 'gave_up', 9, 'HTTP status 404', clock_timestamp(), clock_timestamp() from alert
       union all
       select id, 'oncall', 'resolved', 'waiting', 2, 'HTTP status 500', '2099-01-01', null from alert`,
    );
    const { code, out } = await run(['status'], { alerts });
    expect(code).toBe(0);
    expect(out.at(-1)).toBe(
      'receiver oncall does not take alerts: 1 wait, the next try is at 2099-01-01T00:00:00.000Z; ' +
        '1 given up in the last 7 days; the last: HTTP status 500',
    );
  });

  it('exits 4 while a brake is tripped, until a person resumes', async () => {
    const gifts = [await world.addGift(), await world.addGift()];
    await run(['reconcile'], { brake: tightBrake });
    const tripped = await run(['status']);
    expect(tripped.code).toBe(4);
    expect(tripped.out.join('\n')).toContain('gifts: brake tripped: 2 repairs planned');
    const resumed = await run(['resume', '--source', 'gifts', '--for', '10m']);
    expect(resumed).toMatchObject({ code: 0, err: [] });
    expect(resumed.out[0]).toContain('Repairs of gifts go on, without limits for 10m');
    expect((await run(['reconcile'], { brake: tightBrake })).code).toBe(0);
    for (const { key } of gifts) expect(await world.readMarker(key)).not.toBeNull();
  });
});

describe('resume', () => {
  it('says when there was nothing to resume', async () => {
    const { code, out } = await run(['resume', '--source', 'gifts']);
    expect(code).toBe(0);
    expect(out[0]).toContain('was not tripped');
    expect((await run(['resume', '--source', 'gifts', '--json'])).json()).toEqual({
      source: 'gifts',
      lifted: false,
    });
  });

  it.each([
    ['--for', 'a while'],
    ['--source', 'gitfs'],
  ])('exits 2 for %s %s', async (name, value) => {
    const { code } = await run(['resume', '--source', 'gifts', name, value]);
    expect(code).toBe(2);
  });
});

describe('rewind', () => {
  it('moves the checkpoint back, so that the next pass reads again', async () => {
    await world.setMarker(await world.addGift());
    await run(['reconcile']);
    const { code, out } = await run(['rewind', '--source', 'gifts', '--to', 'beginning']);
    expect(code).toBe(0);
    expect(out).toEqual([
      'The checkpoint of gifts stands at the beginning now; the next pass reads on from there.',
    ]);
    const again = await run(['reconcile', '--source', 'gifts', '--json']);
    expect(again.json()).toMatchObject({ checked: 1, checkpoint: { from: { changeXid: '0' } } });
  });

  it('makes a refused checkpoint usable again', async () => {
    await world.addGift();
    await run(['reconcile']);
    await world.pool.query(`update reconciler.checkpoint set system_identifier = '1'`);
    expect((await run(['reconcile'])).code).toBe(6);
    expect((await run(['rewind', '--source', 'gifts', '--to', 'beginning'])).code).toBe(0);
    expect((await run(['reconcile'])).code).toBe(0);
  });

  it.each([
    ['without a place to go back to', []],
    ['with two of them', ['--by', '1h', '--to', 'beginning']],
    ['with a place that is none', ['--to', 'yesterday']],
    ['by what is no duration', ['--by', 'a bit']],
    ['before there is a checkpoint', ['--by', '1h']],
  ])('exits 2 %s', async (_, args) => {
    const { code, out } = await run(['rewind', '--source', 'gifts', ...args]);
    expect({ code, out }).toEqual({ code: 2, out: [] });
  });

  it('exits 5 while another holds the lease; the checkpoint stays', async () => {
    await world.addGift();
    await run(['reconcile']);
    const before = await world.checkpoint();
    await world.redis.set('claim-reconciler:lease:source:gifts', 'somebody', 'PX', 60_000);
    expect((await run(['rewind', '--source', 'gifts', '--to', 'beginning'])).code).toBe(5);
    expect(await world.checkpoint()).toEqual(before);
  });
});
