/**
 * Both stores over TLS, with certificates made for the test: the right authority is believed, another is not, and whoever
 * comes without TLS is told so. Nothing is shown of passwords on the way.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { useProgram, type Ran } from '../cli/support/program.ts';
import { shopConfig, type ShopSettings } from '../cli/support/shop-config.ts';
import { createWorld, type World } from '../reconcile/support/world.ts';
import { makeAuthority } from '../support/certificate.ts';
import { startTlsPostgres, startTlsRedis, type TlsRedis } from '../support/tls-servers.ts';
import { waitFor } from '../support/wait-for.ts';
import { startShopDaemon } from './support/shop-daemon.ts';

const program = useProgram();
const right = makeAuthority('the right authority');
const wrong = makeAuthority('another authority');
let redis: TlsRedis;
let expired: TlsRedis;
let elsewhere: TlsRedis;
let postgres: RunningServer;
let world: World;

const file = (name: string): string => join(program.folder(), name);

beforeAll(async () => {
  await Promise.all([
    writeFile(file('right.pem'), right.pem),
    writeFile(file('wrong.pem'), wrong.pem),
    writeFile(file('none.pem'), 'not a certificate'),
  ]);
  const yesterday = new Date(Date.now() - 86_400_000);
  [redis, expired, elsewhere, postgres] = await Promise.all([
    startTlsRedis(program.folder(), right.pem, right.issue()),
    startTlsRedis(program.folder(), right.pem, right.issue({ validUntil: yesterday })),
    startTlsRedis(program.folder(), right.pem, right.issue({ address: '10.1.2.3', host: 'redis.example' })),
    startTlsPostgres(right.issue()),
  ]);
  world = await createWorld({ redisUrl: redis.url, serverUrl: overTls(postgres.url) });
});

afterAll(async () => {
  await world.drop();
  await Promise.all([redis, expired, elsewhere, postgres].map(async (server) => server.stop()));
});

function overTls(url: string, authority = 'right.pem'): string {
  const changed = new URL(url);
  changed.searchParams.set('sslmode', 'verify-full');
  changed.searchParams.set('sslrootcert', file(authority));
  return changed.href;
}

function plain(url: string): string {
  return url.slice(0, url.indexOf('?'));
}

async function check(changes: ShopSettings = {}): Promise<Ran> {
  const redisUrl = `${redis.tlsUrl}?cacert=${file('right.pem')}`;
  const settings = { databaseUrl: world.databaseUrl, markersUrl: redisUrl, queueUrl: redisUrl, ...changes };
  const config = await program.write('tls.yaml', shopConfig(world, settings));
  return program.run(['check', '--config', config]);
}

describe('with the right authority', () => {
  it('the program is ready, and a daemon repairs', async () => {
    expect(await check()).toMatchObject({ code: 0, err: [] });
    const url = `${redis.tlsUrl}?cacert=${file('right.pem')}`;
    const claim = await world.addGift();
    const daemon = await startShopDaemon(world, program, { markersUrl: url, queueUrl: url });
    try {
      await daemon.started;
      await waitFor(async () => (await world.readMarker(claim.key))?.value === claim.attempt, {
        what: 'a repair',
      });
      const { rows } = await world.pool.query<{ ssl: boolean }>(
        `select bool_and(ssl) as ssl from pg_stat_activity join pg_stat_ssl using (pid) where application_name = 'claim-reconciler'`,
      );
      expect(rows).toEqual([{ ssl: true }]);
    } finally {
      await daemon.stop();
    }
  });
});

describe('a server that is not to be believed', () => {
  it.each([
    {
      what: 'a Redis of another authority',
      changes: () => ({ markersUrl: `${redis.tlsUrl}?cacert=${file('wrong.pem')}` }),
      said: /127\.0\.0\.1:\d+: Redis was not connected to over TLS: its certificate is not signed by an authority that is trusted here; name the file .* cacert=FILE/,
    },
    {
      what: 'a Redis of an authority that nobody named',
      changes: () => ({ queueUrl: redis.tlsUrl }),
      said: /not signed by an authority that is trusted here/,
    },
    {
      what: 'a Redis whose certificate has expired',
      changes: () => ({ markersUrl: `${expired.tlsUrl}?cacert=${file('right.pem')}` }),
      said: /its certificate has expired/,
    },
    {
      what: 'a Redis with the certificate of another host',
      changes: () => ({ markersUrl: `${elsewhere.tlsUrl}?cacert=${file('right.pem')}` }),
      said: /its certificate is for another name than that in the URL/,
    },
    {
      what: 'a Postgres of another authority',
      changes: () => ({ databaseUrl: overTls(plain(world.databaseUrl), 'wrong.pem') }),
      said: /Postgres was not connected to over TLS: its certificate is not signed by .* sslrootcert=FILE/,
    },
  ])('$what is refused with a sentence that says so', async ({ changes, said }) => {
    const { code, out, err } = await check(changes());
    expect({ code, err }).toEqual({ code: 2, err: [] });
    expect(out.join('\n')).toMatch(said);
    const daemon = await startShopDaemon(world, program, {
      databaseUrl: world.databaseUrl,
      queueUrl: redis.url,
      ...changes(),
    });
    await expect(daemon.started).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(said),
    });
  });
});

describe('when one side has TLS and the other has not', () => {
  it.each([
    {
      what: 'a plain URL for a Redis with TLS',
      changes: () => ({ markersUrl: redis.tlsUrl.replace('rediss', 'redis') }),
      said: /If it wants TLS, the URL must begin with rediss:\/\//,
    },
    {
      what: 'a URL with TLS for a plain Redis',
      changes: () => ({
        markersUrl: `${redis.url.replace('redis:', 'rediss:')}?cacert=${file('right.pem')}`,
      }),
      said: /If it has no TLS, the URL must begin with redis:\/\//,
    },
    {
      what: 'a plain URL for a Postgres that wants TLS',
      changes: () => ({ databaseUrl: plain(world.databaseUrl) }),
      said: /no encryption.*If it wants TLS, add sslmode=verify-full to the database URL/,
    },
    {
      what: 'a URL with TLS for a plain Postgres',
      changes: () => ({ databaseUrl: overTls(plainServer()) }),
      said: /Postgres was not connected to over TLS: it has none; take sslmode out of the database URL/,
    },
  ])('$what is explained', async ({ changes, said }) => {
    const { code, out } = await check(changes());
    expect(code).toBe(2);
    expect(out.join('\n')).toMatch(said);
  });
});

describe('a file that a URL names', () => {
  it.each([
    [
      'is not there',
      () => ({ markersUrl: `${redis.tlsUrl}?cacert=/no/such.pem` }),
      /such\.pem \(cacert\), which is not there/,
    ],
    [
      'is no certificate',
      () => ({ markersUrl: `${redis.tlsUrl}?cacert=${file('none.pem')}` }),
      /holds no certificate/,
    ],
    [
      'is for TLS only',
      () => ({ markersUrl: `${redis.url}?cacert=${file('right.pem')}` }),
      /goes with rediss/,
    ],
    [
      'is missing for Postgres',
      () => ({ databaseUrl: overTls(plain(world.databaseUrl), 'no.pem') }),
      /names the file .*no\.pem, which/,
    ],
  ] as const)('%s: refused before anything is connected to', async (_, changes, said) => {
    const { code, err } = await check(changes());
    expect(code).toBe(2);
    expect(err.join('\n')).toMatch(said);
  });
});

function plainServer(): string {
  return inject('databaseUrl');
}
