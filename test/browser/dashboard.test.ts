/**
 * The dashboard as a person uses it, in a real browser, over a real daemon: what is read, and what is changed.
 */
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { raiseAlerts } from '../../src/postgres/alert.ts';
import { startShopDaemon, type ShopDaemon } from '../app/support/shop-daemon.ts';
import { useProgram } from '../cli/support/program.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import type { Gift, World } from '../reconcile/support/world.ts';
import { waitFor } from '../support/wait-for.ts';
import { useBrowser } from './support/use-browser.ts';

const worlds = useWorlds();
const program = useProgram();
const browser = useBrowser();
const ada = { username: 'ada', password: 'of the analytical engine' };
const http = `{ port: 0, credentials: { username: ${ada.username}, password: '${ada.password}' } }`;
let world: World;
let daemon: ShopDaemon;

beforeEach(async () => {
  world = await worlds.create();
});
afterEach(async () => {
  expect(await daemon.stop()).toBe(true);
});

async function start(settings: Parameters<typeof startShopDaemon>[2] = {}): Promise<void> {
  daemon = await startShopDaemon(world, program, { http, ...settings });
  await daemon.started;
}

async function openOverview(): Promise<Page> {
  const page = await browser.open({ credentials: ada });
  await page.goto(`${daemon.url}/?refresh=off`);
  return page;
}

/** Reloads until the page says so. */
async function untilShown(page: Page, text: string | RegExp): Promise<void> {
  await waitFor(
    async () => {
      await page.reload();
      return page.getByText(text).first().isVisible();
    },
    { what: `the page to say ${String(text)}`, intervalMs: 100 },
  );
}

/** A gift whose marker is gone, on record as that. */
async function addFound(): Promise<Gift> {
  const gift = await world.addGift();
  await waitFor(async () => (await world.discrepancies()).length > 0, { what: 'it to be found' });
  return gift;
}

it('lets nobody in without the right credentials, and shows the state to whoever has them', async () => {
  await start();
  const stranger = await browser.open({ credentials: { ...ada, password: 'guessed' } });
  expect((await stranger.goto(daemon.url))?.status()).toBe(401);
  expect(await stranger.content()).not.toContain('gifts');
  browser.complaints.length = 0;
  const page = await openOverview();
  await untilShown(page, 'All judged claims agree with their markers');
  await page.getByRole('link', { name: 'Queues' }).click();
  await page.getByText('Repairs by hand').first().waitFor();
  expect(await page.getByText('Passes', { exact: true }).first().isVisible()).toBe(true);
  expect(browser.complaints).toEqual([]);
});

it('an alert is acknowledged by a click, and is then in that person’s hands', async () => {
  await start();
  const alert = { cause: 'gifts:a test', kind: 'brake', source: 'gifts', severity: 'critical' } as const;
  await raiseAlerts(world.pool, [{ ...alert, summary: 'Something is wrong with gifts' }]);
  const page = await openOverview();
  await untilShown(page, 'Something is wrong with gifts');
  await page.getByRole('button', { name: 'Acknowledge alert' }).click();
  await page.getByText('taken in hand by ada').waitFor();
  expect(await page.getByRole('button', { name: 'Acknowledge alert' }).count()).toBe(0);
});

it('a repair is planned, looked at, carried out, and taken back', async () => {
  await start({ mode: 'observe' });
  const gift = await addFound();
  const page = await openOverview();
  await page.getByRole('link', { name: gift.id, exact: true }).click();
  await page.getByRole('heading', { name: `claim ${gift.id} of gifts` }).waitFor();
  await page.getByText('its marker is gone: another attempt would be let in').waitFor();
  await page.getByRole('button', { name: 'Plan a repair' }).click();
  await page.getByText('if still absent').waitFor();
  expect(await world.readMarker(gift.key)).toBeNull();
  await page.getByRole('button', { name: 'Carry out this repair' }).click();
  await page.getByText('Repairs: 1 applied; completed.').waitFor();
  expect((await world.readMarker(gift.key))?.value).toBe(gift.attempt);
  await page.goto(`${daemon.url}/?refresh=off`);
  await page.getByRole('button', { name: /^Undo/ }).click();
  await page.getByText('What was undone is held').waitFor();
  expect(await world.readMarker(gift.key)).toBeNull();
  const { rows } = await world.pool.query('select distinct done_by from reconciler.repair');
  expect(rows).toEqual([{ done_by: 'ada' }]);
});

it('a tripped brake is resumed by a person, for a time that they choose', async () => {
  await start({ brake: '{ repairsPerPlan: 1, repairsPerHour: 1, share: 100%, shareSample: 1000 }' });
  const gifts = [await world.addGift(), await world.addGift(), await world.addGift()];
  const page = await openOverview();
  await untilShown(page, 'A person is needed');
  await page.getByLabel('without limits for').selectOption('15m');
  await page.getByRole('button', { name: 'Resume repairs' }).click();
  await page.getByText(/no limits until .* by ada/).waitFor();
  for (const { key, attempt } of gifts) {
    await waitFor(async () => (await world.readMarker(key))?.value === attempt, { what: 'the repairs' });
  }
});

it('a claim is looked up by its id or its marker, also where nothing is wrong with it', async () => {
  await start();
  const gift = await world.addGift();
  await world.setMarker(gift);
  const page = await openOverview();
  await page.getByLabel('Claim', { exact: true }).fill(gift.id);
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.getByText('its marker holds what it should').waitFor();
  await page.goto(`${daemon.url}/?refresh=off`);
  await page.getByLabel('or marker').fill('gift:987654321');
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.getByRole('heading', { name: 'No such marker' }).waitFor();
});

it('everything is read without JavaScript, on a phone, in the dark', async () => {
  await start({ mode: 'observe' });
  const gift = await addFound();
  const page = await browser.open({ credentials: ada, javaScript: false, phone: true, dark: true });
  await page.goto(`${daemon.url}/?refresh=off`);
  await page.getByText('Some things need a look').waitFor();
  const width = async (): Promise<number> => (await page.locator('body').boundingBox())?.width ?? 0;
  expect(await width()).toBeLessThanOrEqual(390);
  await page.getByRole('link', { name: gift.id, exact: true }).click();
  await page.getByRole('button', { name: 'Plan a repair' }).click();
  await page.getByText('if still absent').waitFor();
  expect(await width()).toBeLessThanOrEqual(390);
});
