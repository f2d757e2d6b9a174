/**
 * Connections that find the primary through Sentinels: real ones, which are away, know nothing of it, or have promoted another.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Redis } from 'ioredis';
import { identityOf, repairObstacles, storeChange } from '../../src/domain/marker-store.ts';
import { findFreePort } from '../../src/embedded/free-port.ts';
import { connectPatient, connectStrict, endRedis, untilReady } from '../../src/redis/connect.ts';
import { readMarkerStore } from '../../src/redis/marker-store.ts';
import { makeAuthority } from '../support/certificate.ts';
import { primaryName, startSentinel, startSentinels, type TestSentinels } from '../support/redis-sentinel.ts';
import { strictTo } from '../support/strict-redis.ts';
import { startTlsRedis } from '../support/tls-servers.ts';
import { waitFor } from '../support/wait-for.ts';

const password = 'a word: with @ and /';
let sentinels: TestSentinels;
let url: string;
beforeAll(async () => {
  sentinels = await startSentinels({ password: 'sesame' });
  url = `${sentinels.url}?sentinelPassword=sesame`;
});
afterAll(async () => sentinels.stop());

function connect(to: string, told: string[] = []): Redis {
  const redis = connectStrict(to, { connectTimeoutMs: 500, onError: ({ message }) => told.push(message) });
  onTestFinished(async () => endRedis(redis, 1_000));
  return redis;
}

describe('the primary', () => {
  it('is found, with the database of the URL', async () => {
    const redis = connect(url.replace('/0?', '/3?'));
    await untilReady(redis, 5_000);
    await redis.set('where', 'here');
    const direct = await strictTo(sentinels.primary.url.replace('/0', '/3'));
    expect(await direct.getdel('where')).toBe('here');
    await endRedis(direct, 1_000);
  });

  it('has a user and a password of its own', async () => {
    const admin = await strictTo(sentinels.primary.url);
    await admin.call('ACL', 'SETUSER', 'someone', 'on', `>${password}`, '~*', '&*', '+@all');
    onTestFinished(async () => {
      await admin.call('ACL', 'DELUSER', 'someone');
      await endRedis(admin, 1_000);
    });
    const as = (word: string): string => url.replace('://', `://someone:${encodeURIComponent(word)}@`);
    const redis = connect(as(password));
    await untilReady(redis, 5_000);
    expect(await redis.call('ACL', 'WHOAMI')).toBe('someone');
    const told: string[] = [];
    connect(as('another'), told);
    await waitFor(() => told.some((line) => line.includes('WRONGPASS')), { what: 'the refusal' });
  });

  it('is found by the copies of a patient connection', async () => {
    const patient = connectPatient(url, { onError: () => undefined });
    const copy = patient.duplicate();
    onTestFinished(async () => {
      await Promise.all([endRedis(patient, 1_000), endRedis(copy, 1_000)]);
    });
    expect(await copy.ping()).toBe('PONG');
  });
});

describe('what cannot be found', () => {
  it('is told with what each Sentinel said', async () => {
    const closed = await findFreePort();
    const cases: [string, RegExp][] = [
      [
        url.replace(primaryName, 'the-jobs'),
        /the-jobs \(Sentinels at 127.*\) could not be reached within 1000 ms\. No Sentinel names the primary of the-jobs\. 127\.0\.0\.1:\d+ knows no primary of that name/,
      ],
      [sentinels.url, /127\.0\.0\.1:\d+: Redis refused: NOAUTH/],
      [`redis+sentinel://127.0.0.1:${closed}/${primaryName}`, /127\.0\.0\.1:\d+: .* connect ECONNREFUSED/],
      [`redis+sentinel://127.0.0.1:${sentinels.replica.port}/${primaryName}`, /refused: ERR unknown command/],
    ];
    await Promise.all(
      cases.map(async ([to, said]) => expect(untilReady(connect(to), 1_000)).rejects.toThrow(said)),
    );
  });

  it('may be what a Sentinel names that has not heard of a failover: it is not stayed with', async () => {
    const late = await startSentinel(sentinels.replica.port);
    onTestFinished(async () => late.stop());
    const told: string[] = [];
    const redis = connect(`redis+sentinel://127.0.0.1:${late.port}/${primaryName}`, told);
    const said = /127\.0\.0\.1:\d+ is named as the primary of the-markers, and says that it is a slave/;
    await waitFor(() => told.some((line) => said.test(line)), { what: 'it to be told' });
    await expect(redis.ping()).rejects.toThrow();
  });
});

it('one Sentinel that answers is enough', async () => {
  const gone = await findFreePort();
  const redis = connect(url.replace('://', `://127.0.0.1:${gone},`));
  await untilReady(redis, 5_000);
  expect(await redis.ping()).toBe('PONG');
});

it('over TLS the certificates of Sentinel and server are checked', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sentinel-tls-'));
  const authority = makeAuthority('the right authority');
  const own = authority.issue();
  const server = await startTlsRedis(folder, authority.pem, own);
  const [cert, key, right] = [join(folder, 'cert.pem'), join(folder, 'key.pem'), join(folder, 'right.pem')];
  await writeFile(cert, own.pem);
  await writeFile(key, own.keyPem);
  await writeFile(right, authority.pem);
  const tlsPort = await findFreePort();
  const watcher = await startSentinel(Number(new URL(server.tlsUrl).port), {
    lines: [
      `tls-port ${tlsPort}`,
      `tls-cert-file ${cert}`,
      `tls-key-file ${key}`,
      `tls-ca-cert-file ${right}`,
      'tls-auth-clients no',
      'tls-replication yes',
    ],
  });
  onTestFinished(async () => {
    await Promise.all([watcher.stop(), server.stop()]);
    await rm(folder, { recursive: true });
  });
  const tlsUrl = `rediss+sentinel://127.0.0.1:${tlsPort}/${primaryName}`;
  const redis = connect(`${tlsUrl}?cacert=${right}`);
  await untilReady(redis, 5_000);
  expect(await redis.call('CLIENT', 'INFO')).toContain('laddr=127.0.0.1:' + new URL(server.tlsUrl).port);
  const uncaught: Error[] = [];
  const note = (error: Error): void => void uncaught.push(error);
  process.on('uncaughtException', note);
  onTestFinished(() => void process.off('uncaughtException', note));
  await expect(untilReady(connect(tlsUrl), 5_000)).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringMatching(/the-markers .* not signed by an authority that is trusted here/),
  });
  expect(uncaught).toEqual([]);
});

it('ends in time whatever it was doing', async () => {
  const away = connect(`redis+sentinel://127.0.0.1:${await findFreePort()}/${primaryName}`);
  await waitFor(() => away.status === 'reconnecting', { what: 'a pause between attempts' });
  await endRedis(away, 1_000);
  for (let round = 0; round < 20; round += 1) {
    const redis = connect(url);
    await waitFor(() => Math.random() < 0.3, { what: 'some moment', intervalMs: 1 });
    await endRedis(redis, 1_000);
    expect(redis.status).toBe('end');
  }
});

it('a failover is followed', async () => {
  const redis = connect(url);
  await untilReady(redis, 5_000);
  const before = await readMarkerStore(redis, 5_000);
  const admin = await strictTo(`redis://:sesame@127.0.0.1:${sentinels.ports[0]}`);
  await admin.call('SENTINEL', 'FAILOVER', primaryName);
  await endRedis(admin, 1_000);
  const after = await waitFor(
    async () => {
      const now = await readMarkerStore(redis, 1_000);
      return storeChange(identityOf(before), now) === 'none' ? null : now;
    },
    { what: 'the new primary', timeoutMs: 30_000 },
  );
  expect(repairObstacles(after)).toEqual([]);
  expect(after.servers.map(({ place }) => place)).toEqual([
    `127.0.0.1:${sentinels.replica.port} (${primaryName})`,
  ]);
  expect(identityOf(after).replicationId).not.toBe(identityOf(before).replicationId);
});
