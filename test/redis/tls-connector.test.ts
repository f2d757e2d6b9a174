/**
 * Handshakes: what a server is told, and that one which is broken off, when the socket reports up to two errors, does not
 * end the process.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { connectStrict, endRedis } from '../../src/redis/connect.ts';
import { makeAuthority } from '../support/certificate.ts';
import { startTlsRedis, type TlsRedis } from '../support/tls-servers.ts';
import { waitFor } from '../support/wait-for.ts';

let folder: string;
let server: TlsRedis;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tls-connector-'));
  const authority = makeAuthority('an authority that nobody named');
  server = await startTlsRedis(folder, authority.pem, authority.issue());
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

it('a client that is disconnected at any moment of the handshake leaves no error without a listener', async () => {
  const uncaught: string[] = [];
  const note = (error: Error): void => void uncaught.push(error.message);
  process.on('uncaughtException', note);
  onTestFinished(() => void process.off('uncaughtException', note));
  const told = new Set<string>();
  // Some forty moments of the first milliseconds: with the client's own connector about every fifth brought an error too many.
  for (let afterMs = 0; afterMs < 12; afterMs += 0.3) {
    const redis = connectStrict(server.tlsUrl, { onError: ({ message }) => void told.add(message) });
    await pause(afterMs);
    await endRedis(redis, 1_000);
  }
  expect(uncaught).toEqual([]);
  expect([...told]).toEqual([expect.stringContaining('not signed by an authority that is trusted here')]);
});

it('a server is told by which name it is asked for, and nothing of an address', async () => {
  const names: string[] = [];
  const { pem, keyPem } = makeAuthority('another').issue();
  const proxy = createServer({
    cert: pem,
    key: keyPem,
    SNICallback: (name, answer) => {
      names.push(name);
      answer(null);
    },
  });
  proxy.on('tlsClientError', () => undefined);
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const address = proxy.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  for (const host of ['127.0.0.1', 'localhost']) {
    let trouble = '';
    const redis = connectStrict(`rediss://${host}:${port}`, {
      onError: ({ message }) => (trouble = message),
    });
    await waitFor(() => trouble.includes('not signed'), { what: `the certificate of ${host} to be refused` });
    await endRedis(redis, 1_000);
  }
  proxy.close();
  expect(names.length).toBeGreaterThan(0);
  expect(new Set(names)).toEqual(new Set(['localhost']));
});
