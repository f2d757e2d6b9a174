/**
 * Handshakes that are broken off: the socket then reports up to two errors, and none of them ends the process.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { connectStrict, endRedis } from '../../src/redis/connect.ts';
import { makeAuthority } from '../support/certificate.ts';
import { startTlsRedis, type TlsRedis } from '../support/tls-servers.ts';

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
