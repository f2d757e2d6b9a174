/**
 * Ids, attempts and marker values come from users: whatever they hold, every page shows it as text, and what is asked for
 * on it still means the very claim.
 */
import { expect, it } from 'vitest';
import { startConfigured } from '../app/support/shop-daemon.ts';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import { waitFor } from '../support/wait-for.ts';
import { useBrowser } from './support/use-browser.ts';

const worlds = useWorlds();
const program = useProgram();
const browser = useBrowser();

const markup = `<script>document.title='owned'</script><img src=x onerror="document.title='owned'">"'`;
const hostile = `${markup}\u001b[2J\u001b]0;owned\u0007\u202eevil\r\n${'9'.repeat(10_000)}`;

it('a claim of markup, escapes and 10 kB is text on every page, and is repaired by its own name', async () => {
  const world = await worlds.create();
  await world.pool.query(`
    create table odd_claim (id text primary key, attempt text, status text, expires_at timestamptz,
      change_xid xid8 not null default pg_current_xact_id());
    create index odd_change on odd_claim (change_xid, id);
    create trigger stamp_change before insert or update on odd_claim
      for each row execute function reconciler.stamp_change();
    alter table odd_claim enable always trigger stamp_change`);
  // An index holds no 10 kB: the id is short of that, the attempt is not.
  const id = hostile.slice(0, 500);
  await world.pool.query(
    `insert into odd_claim (id, attempt, status, expires_at) values ($1, $2, 'granted', clock_timestamp() + interval '1 day')`,
    [id, hostile],
  );
  const daemon = await startConfigured(
    `
database: { url: '${world.databaseUrl}' }
markerRedis: { url: '${world.redisUrl}' }
http: { port: 0, credentials: { username: ada, password: lovelace } }
sources:
  odd:
    table: odd_claim
    columns: { id: id, attempt: attempt, status: status, expiresAt: expires_at }
    marker: { key: 'odd:{id}', value: '{attempt}' }
    statuses: { granted: granted }
    mode: observe
    grace: 20ms
    schedule: '* * * * * *'
`,
    program,
  );
  await daemon.started;
  await waitFor(async () => (await world.discrepancies()).length === 1, { what: 'it to be found' });
  const page = await browser.open({ credentials: { username: 'ada', password: 'lovelace' } });
  /** Our own pages also show by name what could not be seen; the board leaves it in its texts. */
  const isShown = async (): Promise<void> => {
    await isHarmless();
    const content = await page.content();
    expect(['\u001b', '\u0007', '\u202e'].filter((hidden) => content.includes(hidden))).toEqual([]);
  };
  const isHarmless = async (): Promise<void> => {
    expect(await page.title()).toMatch(/· claim-reconciler$|^claim-reconciler$/);
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(browser.complaints).toEqual([]);
  };
  await page.goto(`${daemon.url}/?refresh=off`);
  await isShown();
  await page.locator('a[href^="/discrepancies/"]').first().click();
  await page.getByText('its marker is gone').waitFor();
  await isShown();
  await page.getByRole('button', { name: 'Plan a repair' }).click();
  await page.getByRole('button', { name: 'Carry out this repair' }).click();
  await page.getByText('Repairs: 1 applied; completed.').waitFor();
  await isShown();
  expect((await world.readMarker(`odd:${id}`))?.value).toBe(hostile);
  await page.goto(`${daemon.url}/queues/queue/by-hand`);
  await page.getByText('carry out the plan of job').first().waitFor();
  await isHarmless();
  expect(await daemon.stop()).toBe(true);
});
