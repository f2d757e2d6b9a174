/**
 * The dashboard over plain HTTP, by a name or address that is not this machine: a browser then says less of where a request
 * comes from than it does over TLS or on loopback.
 */
import { networkInterfaces } from 'node:os';
import { afterEach, expect, it } from 'vitest';
import { startHttp, type HttpServer } from '../../src/http/server.ts';
import { credentials, desk, httpOptions } from '../http/options.ts';
import { useBrowser } from './support/use-browser.ts';

const browser = useBrowser();
let server: HttpServer | undefined;
afterEach(async () => server?.close());

it('a button of its own page works, and one of the board', async () => {
  const asked: string[] = [];
  const noting = async (source: string, by: string): Promise<'enqueued'> => {
    asked.push(`${source} by ${by}`);
    return 'enqueued';
  };
  server = await startHttp(
    httpOptions({ host: '0.0.0.0', credentials: [credentials], desk: { ...desk, askForPass: noting } }),
  );
  const address = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  const { port } = new URL(server.url);
  const page = await browser.open({ credentials });
  await page.goto(`http://${address}:${port}/?refresh=off`);
  await page.getByRole('button', { name: 'Run a pass now' }).click();
  await page.waitForURL('**/#source-gifts');
  expect(asked).toEqual(['gifts by ops']);
  await page.goto(`http://${address}:${port}/queues`);
  expect(
    await page.evaluate(async () => (await fetch('/queues/api/queues/pause', { method: 'PUT' })).status),
  ).toBe(200);
});
