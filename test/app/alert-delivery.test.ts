/**
 * Alerts on their way from a daemon to receivers that behave badly (FAULTS "The daemon" 24): nothing is lost, nothing
 * repeats, passes wait for none of it. The queue is on a server of its own.
 */
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { raiseAlerts, resolveAlerts } from '../../src/postgres/alert.ts';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { World } from '../reconcile/support/world.ts';
import { answers, hangs, startFakeReceiver, takes, type FakeReceiver } from '../support/fake-receiver.ts';
import { waitFor } from '../support/wait-for.ts';
import { startShopDaemon, type ShopDaemon } from './support/shop-daemon.ts';

const worlds = useWorlds();
const program = useProgram();
const secret = 'kept-between-the-two-of-us';
let queueServer: RunningServer;
let queue: Redis;
let world: World;
let hook: FakeReceiver;
let chat: FakeReceiver;
const daemons: ShopDaemon[] = [];

beforeAll(async () => {
  queueServer = await startRedis({ env: process.env });
  queue = new Redis(queueServer.url);
});

afterAll(async () => {
  queue.disconnect();
  await queueServer.stop();
});

beforeEach(async () => {
  world = await worlds.create();
  await queue.flushall();
  [hook, chat] = await Promise.all([startFakeReceiver(), startFakeReceiver()]);
});

afterEach(async () => {
  await Promise.all([hook.close(), chat.close()]);
  await Promise.all(daemons.splice(0).map(async (daemon) => daemon.stop()));
});

async function start(receivers = hookAndChat()): Promise<ShopDaemon> {
  const alerts = `{ runbook: 'https://wiki.example/claims', receivers: { ${receivers} } }`;
  const daemon = await startShopDaemon(world, program, { queueUrl: queueServer.url, alerts });
  daemons.push(daemon);
  await daemon.started;
  return daemon;
}

function hookAndChat(): string {
  return `${onlyHook()}, chat: { kind: slack, url: '${chat.url}', allowPrivate: true, severity: critical }`;
}

function onlyHook(allowPrivate = true): string {
  return `hook: { kind: webhook, url: '${hook.url}', secret: '${secret}', allowPrivate: ${allowPrivate} }`;
}

/** Of a cause of its own: the passes that go on meanwhile would end `gifts:stall`, since nothing stalls. */
const causeOf = (kind: string): string => `gifts:${kind} of this test`;

async function raise(kind: string, severity: 'warning' | 'critical' = 'warning'): Promise<void> {
  const alert = { cause: causeOf(kind), kind, source: 'gifts', severity, summary: `about ${kind}` };
  await raiseAlerts(world.pool, [alert]);
}

interface DeliveryRow {
  readonly state: string;
  readonly attempts: number;
  readonly last_error: string | null;
}

async function deliveries(): Promise<DeliveryRow[]> {
  const { rows } = await world.pool.query<DeliveryRow>(
    'select state, attempts, last_error from reconciler.alert_delivery order by id',
  );
  return rows;
}

async function untilTried(attempts: number): Promise<DeliveryRow> {
  return waitFor(
    async () => (await deliveries()).find((row) => row.attempts >= attempts && row.last_error !== null),
    { what: `try ${attempts} to fail` },
  );
}

async function untilDelivered(count: number): Promise<void> {
  await waitFor(
    async () => (await deliveries()).filter(({ state }) => state === 'delivered').length === count,
    {
      what: `${count} deliveries`,
    },
  );
}

/** The pauses between tries are over; earlier reasons are forgotten, so that `untilTried` waits for the end of a new try. */
async function passTime(): Promise<void> {
  await world.pool.query(
    `update reconciler.alert_delivery set next_try_at = clock_timestamp(), last_error = null where state = 'waiting'`,
  );
}

async function countPasses(): Promise<number> {
  const { rows } = await world.pool.query<{ count: number }>(
    `select count(*)::int from reconciler.pass where outcome = 'completed'`,
  );
  return rows[0]?.count ?? 0;
}

/** However long the daemon goes on, it tells nothing twice. */
async function untilPassesWent(count: number): Promise<void> {
  const before = await countPasses();
  await waitFor(async () => (await countPasses()) >= before + count, { what: `${count} more passes` });
}

function kindsTaken(receiver: FakeReceiver): string[] {
  return receiver.taken().map(({ kind, transition }) => `${String(kind)} ${String(transition)}`);
}

describe('an alert', () => {
  it('is told once to whoever wants it, signed, with a link; and once that it is over', async () => {
    await start();
    const gift = await world.addGift();
    await world.redis.del(gift.key);
    await world.redis.lpush(gift.key, 'no text');
    await raise('brake', 'critical');
    await untilDelivered(3);
    await untilPassesWent(3);
    expect(kindsTaken(hook).toSorted()).toEqual(['brake opened', 'unreadable_marker opened']);
    const told = hook.received.find(({ body }) => body.includes('"unreadable_marker"'));
    const timestamp = String(told?.headers['x-claim-reconciler-timestamp']);
    const signature = createHmac('sha256', secret)
      .update(`${timestamp}.${told?.body ?? ''}`)
      .digest('hex');
    expect(told?.headers['x-claim-reconciler-signature']).toBe(`v1=${signature}`);
    expect(JSON.parse(told?.body ?? '')).toMatchObject({
      source: 'gifts',
      severity: 'warning',
      runbook: 'https://wiki.example/claims#unreadable_marker',
    });
    expect(chat.taken()).toEqual([{ text: expect.stringContaining('[critical] gifts, brake: about brake') }]);
    await resolveAlerts(world.pool, [causeOf('brake')]);
    await untilDelivered(5);
    await untilPassesWent(3);
    expect(kindsTaken(hook).at(-1)).toBe('brake resolved');
    expect(hook.taken()).toHaveLength(3);
    expect(chat.taken()).toHaveLength(2);
  });

  it('that opens and ends right after the start of a daemon is told, though its receiver is new', async () => {
    await start(onlyHook());
    const { rows } = await world.pool.query('select name from reconciler.alert_receiver');
    expect(rows).toEqual([{ name: 'hook' }]);
    await raise('brake');
    await resolveAlerts(world.pool, [causeOf('brake')]);
    await untilDelivered(2);
    expect(kindsTaken(hook)).toEqual(['brake opened', 'brake resolved']);
  });

  it('is told once by two daemons together, however many there are', async () => {
    const kinds = Array.from({ length: 8 }, (_, at) => `kind_${at}`);
    for (const kind of kinds) await raise(kind);
    await Promise.all([start(onlyHook()), start(onlyHook())]);
    await untilDelivered(kinds.length);
    await untilPassesWent(2);
    expect(kindsTaken(hook).toSorted()).toEqual(kinds.map((kind) => `${kind} opened`));
    expect(hook.received).toHaveLength(kinds.length);
  });

  it('is told although the queue’s Redis was emptied, and once', async () => {
    hook.answerWith(answers(500));
    await start(onlyHook());
    await raise('stall');
    await untilTried(1);
    await queue.flushall();
    hook.answerWith(takes);
    await passTime();
    await untilDelivered(1);
    await queue.flushall();
    await untilPassesWent(2);
    expect(kindsTaken(hook)).toEqual(['stall opened']);
  });

  it('is shown with its tries on the dashboard, in words', async () => {
    hook.answerWith(answers(500));
    const daemon = await start(onlyHook());
    await raise('stall');
    await untilTried(1);
    const page = await waitFor(
      async () => {
        const { text } = await daemon.get(
          '/queues/api/queues?activeQueue=alert-delivery&status=failed&page=1',
        );
        return text.includes('HTTP status 500') && text;
      },
      { what: 'the failed try on the dashboard' },
    );
    expect(page).toContain('tell hook: stall of gifts');
    expect(page).not.toContain(secret);
  });
});

describe('a receiver', () => {
  it.each([
    ['is down', async () => hook.close(), 'ECONNREFUSED'],
    ['answers 500', async () => hook.answerWith(answers(500)), 'HTTP status 500'],
    ['redirects', async () => hook.answerWith(answers(302, { location: chat.url })), 'not followed'],
    ['breaks off', async () => hook.answerWith((response) => response.destroy()), 'ECONNRESET'],
  ])('that %s is told when it is well again, once', async (_what, fail, error) => {
    await fail();
    await start(onlyHook());
    await raise('stall');
    expect((await untilTried(1)).last_error).toContain(error);
    await passTime();
    await untilTried(2);
    await resolveAlerts(world.pool, [causeOf('stall')]);
    hook.answerWith(takes);
    await hook.close();
    await hook.open();
    await passTime();
    await untilDelivered(2);
    expect(kindsTaken(hook)).toEqual(['stall opened', 'stall resolved']);
    expect(new Set(hook.received.map(({ headers }) => headers['idempotency-key'])).size).toBe(2);
    expect(chat.received).toEqual([]);
  });

  it('that hangs delays neither passes nor another receiver', async () => {
    hook.answerWith(hangs);
    const daemon = await start();
    for (const kind of ['a', 'b', 'c', 'd']) await raise(kind, 'critical');
    await waitFor(() => hook.received.length === 2, { what: 'two tries that hang' });
    await waitFor(() => chat.taken().length === 4, { what: 'the other receiver to be told' });
    await untilPassesWent(2);
    expect(hook.received).toHaveLength(2);
    expect(hook.taken()).toEqual([]);
    expect(await daemon.stop()).toBe(true);
  });

  it('at an address that is not public is told nothing, tried for a while, and given up, which is told', async () => {
    const daemon = await start(onlyHook(false));
    await raise('stall');
    expect((await untilTried(1)).last_error).toContain('not a public one');
    expect(daemon.log().join('\n')).toMatch(/could not tell hook that alert \d+ \(stall of gifts\) is open/);
    await world.pool.query(
      'update reconciler.alert_delivery set refusals = 7, next_try_at = clock_timestamp()',
    );
    await waitFor(async () => (await deliveries())[0]?.state === 'gave_up', { what: 'the end' });
    await waitFor(() => daemon.log().some((line) => line.startsWith('gave up telling hook')), {
      what: 'the log to say so',
    });
    expect(hook.received).toEqual([]);
  });
});
