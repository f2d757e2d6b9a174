/**
 * A Redis Cluster over TLS, of one server: the right authority is believed, another is not, and the process does not end of it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { connectMarkers, untilMarkersReady } from '../../src/redis/connect-markers.ts';
import { endRedis } from '../../src/redis/connect.ts';
import type { MarkerRedis } from '../../src/redis/script.ts';
import { makeAuthority } from '../support/certificate.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';

function connect(url: string): MarkerRedis {
  const redis = connectMarkers(url, { onError: () => undefined });
  onTestFinished(async () => endRedis(redis, 1_000));
  return redis;
}

it('the certificate of a server is checked', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cluster-tls-'));
  onTestFinished(async () => rm(folder, { recursive: true }));
  const file = (name: string): string => join(folder, `${name}.pem`);
  const authority = makeAuthority('the right authority');
  const own = authority.issue();
  await Promise.all([
    writeFile(file('cert'), own.pem),
    writeFile(file('key'), own.keyPem),
    writeFile(file('right'), authority.pem),
  ]);
  const port = await findFreePort();
  const cluster = await startRedisCluster(1, {
    settings: {
      'tls-port': String(port),
      'tls-cert-file': file('cert'),
      'tls-key-file': file('key'),
      'tls-ca-cert-file': file('right'),
      'tls-auth-clients': 'optional',
      'tls-cluster': 'yes',
    },
  });
  onTestFinished(async () => cluster.stop());
  const uncaught: Error[] = [];
  const note = (error: Error): void => void uncaught.push(error);
  process.on('uncaughtException', note);
  onTestFinished(() => void process.off('uncaughtException', note));
  const url = `rediss+cluster://127.0.0.1:${port}`;
  const redis = connect(`${url}?cacert=${file('right')}`);
  await untilMarkersReady(redis, 10_000);
  expect(await redis.set('k', 'v')).toBe('OK');
  await expect(untilMarkersReady(connect(url), 10_000)).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringMatching(/127\.0\.0\.1:\d+: .* not signed by an authority that is trusted here/),
  });
  expect(uncaught).toEqual([]);
});
