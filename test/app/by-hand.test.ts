/**
 * Repairs by hand through the queue of a real daemon, as the board's form and the pages ask for them.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { Gift, World } from '../reconcile/support/world.ts';
import { waitFor } from '../support/wait-for.ts';
import { startShopDaemon, type ShopDaemon } from './support/shop-daemon.ts';

const worlds = useWorlds();
const program = useProgram();
const signIn = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
const authorization = signIn('ada:lovelace');
let world: World;
let daemon: ShopDaemon;
let gift: Gift;

beforeEach(async () => {
  world = await worlds.create();
  gift = await world.addGift();
  await start();
  await waitFor(async () => (await world.discrepancies()).length === 1, { what: 'the gift to be found' });
});
afterEach(async () => {
  expect(await daemon.stop()).toBe(true);
});

async function start(settings: { readonly schedule?: string } = {}): Promise<void> {
  const people = '[{ username: ada, password: lovelace }, { username: grace, password: hopper }]';
  const http = `{ port: 0, credentials: ${people} }`;
  daemon = await startShopDaemon(world, program, { http, mode: 'observe', ...settings });
  await daemon.started;
}

/** As the board's form does; returns the id of the job. */
async function add(data: object, queue = 'by-hand', options = {}): Promise<string> {
  const response = await fetch(`${daemon.url}/queues/api/queues/${queue}/add`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'by the board', data, options }),
  });
  expect(response.status).toBe(200);
  return JSON.parse(await response.text()).job.id;
}

/** As the board changes something, in the name of somebody else. */
async function change(method: 'PUT' | 'PATCH', path: string, body = {}): Promise<number> {
  const { status } = await fetch(`${daemon.url}/queues/api/queues/by-hand/${path}`, {
    method,
    headers: { authorization: signIn('grace:hopper'), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return status;
}

async function untilShown(id: string, text: string): Promise<string> {
  return waitFor<string | null>(
    async () => {
      const page = await (await fetch(`${daemon.url}/by-hand/${id}`, { headers: { authorization } })).text();
      return page.includes(text) ? page : null;
    },
    { what: `the job to say ${text}` },
  );
}

it('the board’s form plans unless it is told to apply, in the name of who is signed in, whatever it says', async () => {
  const target = { kind: 'claim', id: gift.id };
  const plan = await add({ task: 'repair', source: 'gifts', target, by: 'somebody else' });
  const page = await untilShown(plan, 'Carry out this repair');
  expect(page).toContain('Asked for by ada,');
  expect(await world.readMarker(gift.key)).toBeNull();
  const made = await add({ task: 'repair', source: 'gifts', target, apply: true });
  await untilShown(made, 'Repairs: 1 applied; completed.');
  expect((await world.readMarker(gift.key))?.value).toBe(gift.attempt);
  expect(daemon.log()).toContain(`ada asked: repair claim ${gift.id} of gifts`);
});

it('whoever changes the data of a job has asked for it, whatever they say', async () => {
  expect(await change('PUT', 'pause')).toBe(200);
  const asked = { task: 'repair', source: 'gifts', target: { kind: 'claim', id: gift.id } };
  const id = await add(asked);
  const body = { data: {}, jobData: { ...asked, by: 'somebody else' } };
  expect(await change('PATCH', `${id}/update-data`, body)).toBe(200);
  expect(await change('PUT', 'resume')).toBe(200);
  expect(await untilShown(id, 'Carry out this repair')).toContain('Asked for by grace,');
});

it('a job has an id of its own and is tried once, whatever the form says', async () => {
  const id = await add({ task: 'apply_plan', planJob: 'nobody' }, 'by-hand', { jobId: '7', attempts: 3 });
  expect(id).toMatch(/^[\da-f-]{36}$/);
  expect(await untilShown(id, 'class="error"')).toContain('There is no plan of the job nobody');
});

it('a job is not run again in the name of who asked for it then', async () => {
  const asked = { task: 'repair', source: 'gifts', target: { kind: 'claim', id: gift.id } };
  const id = await add(asked);
  await untilShown(id, 'Carry out this repair');
  expect(await change('PUT', `${id}/retry`)).toBe(405);
  expect(await change('PUT', 'retry/completed')).toBe(405);
});

it('a plan is carried out only as far as it still stands', async () => {
  const target = { kind: 'claim', id: gift.id };
  const plan = await add({ task: 'repair', source: 'gifts', target });
  await untilShown(plan, 'Carry out this repair');
  await world.setMarker(gift, { value: 'somebody was faster' });
  const made = await add({ task: 'apply_plan', planJob: plan });
  expect(await untilShown(made, 'Skipped: not as it was planned')).toContain('its marker has changed since');
  expect((await world.readMarker(gift.key))?.value).toBe('somebody was faster');
});

it('a plan that is carried out three times at once is carried out once', async () => {
  const plan = await add({ task: 'repair', source: 'gifts', target: { kind: 'claim', id: gift.id } });
  await untilShown(plan, 'Carry out this repair');
  const made = await Promise.all([1, 2, 3].map(async () => add({ task: 'apply_plan', planJob: plan })));
  await Promise.all(made.map(async (id) => untilShown(id, 'Repairs: ')));
  expect((await world.readMarker(gift.key))?.value).toBe(gift.attempt);
  expect((await world.repairs()).filter(({ outcome }) => outcome === 'applied')).toHaveLength(1);
});

it.each([
  ['a task that there is not', { task: 'drop' }],
  ['a source that there is not', { task: 'repair', source: 'gift', target: { kind: 'claim', id: '1' } }],
  ['a plan that nobody made', { task: 'apply_plan', planJob: 'nobody' }],
  [
    'a repair that would pass the brake',
    { task: 'repair', source: 'gifts', target: { kind: 'claim', id: '1' }, apply: true, force: true },
  ],
  ['an undo of nothing on record', { task: 'undo', which: { repairId: '99' } }],
])('%s fails with a sentence, and changes nothing', async (_what, data) => {
  const id = await add(data);
  expect(await untilShown(id, 'class="error"')).toMatch(
    /Refused, nothing was run|There is no source|There is no plan|nothing was undone/,
  );
  expect(await world.repairs()).toEqual([]);
});

it('a repair that is under way when the daemon is told to stop is waited for', async () => {
  const holder = await world.pool.connect();
  await holder.query(`begin; set local idle_in_transaction_session_timeout = 0;
    insert into reconciler.brake (source, changed_by) values ('gifts', 'a test')`);
  const id = await add({
    task: 'repair',
    source: 'gifts',
    target: { kind: 'claim', id: gift.id },
    apply: true,
  });
  await waitFor(
    async () => {
      const { rows } = await world.pool.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows.length === 1;
    },
    { what: 'the repair to wait for the brake' },
  );
  // Until Postgres lets it wait no longer.
  expect(await daemon.stop()).toBe(true);
  await holder.query('rollback');
  holder.release();
  await start();
  expect(await untilShown(id, 'class="error"')).toContain('Postgres waited too long for a lock');
}, 30_000);

it('a pass that is asked for at the board is that person’s', async () => {
  // Otherwise it might come while a scheduled one runs, and be skipped.
  await daemon.stop();
  await start({ schedule: '0 0 1 1 *' });
  await add({ source: 'gifts', slot: null }, 'passes');
  await waitFor(
    async () => {
      const { rows } = await world.pool.query(`select from reconciler.pass where asked_by = 'ada'`);
      return rows.length === 1;
    },
    { what: 'the pass' },
  );
});
