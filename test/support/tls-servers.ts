/**
 * A Redis that listens with and without TLS on two ports, and a PostgreSQL that lets nobody in without it; both with a
 * certificate of an authority of their own.
 */
import { chown, mkdtemp, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { findFreePort } from '../../src/embedded/free-port.ts';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startPostgres } from '../../src/embedded/start-postgres.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import type { Certificate } from './certificate.ts';
import { waitFor } from './wait-for.ts';

export interface TlsRedis extends RunningServer {
  /** `rediss://`, on the port with TLS. */
  readonly tlsUrl: string;
}

export async function startTlsRedis(
  folder: string,
  authority: string,
  certificate: Certificate,
): Promise<TlsRedis> {
  const own = await mkdtemp(join(folder, 'redis-'));
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(own, name), text);
    return join(own, name);
  };
  const port = await findFreePort();
  const server = await startRedis({
    env: process.env,
    settings: {
      'tls-port': String(port),
      'tls-cert-file': await file('redis.pem', certificate.pem),
      'tls-key-file': await file('redis.key', certificate.keyPem),
      'tls-ca-cert-file': await file('redis-ca.pem', authority),
      'tls-auth-clients': 'optional',
    },
  });
  return { ...server, tlsUrl: `rediss://127.0.0.1:${port}/0` };
}

/** Its url has no TLS yet. */
export async function startTlsPostgres(own: Certificate): Promise<RunningServer> {
  const server = await startPostgres({ env: process.env });
  const data = join(server.folder, 'data');
  const { uid, gid } = await stat(data);
  for (const [name, text] of [
    ['server.crt', own.pem],
    ['server.key', own.keyPem],
  ] as const) {
    await writeFile(join(data, name), text, { mode: 0o600 });
    await chown(join(data, name), uid, gid);
  }
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  await admin.query('alter system set ssl = on');
  await writeFile(join(data, 'pg_hba.conf'), 'hostssl all all all scram-sha-256\n');
  await admin.query('select pg_reload_conf()');
  await waitFor(async () => (await admin.query<{ ssl: string }>('show ssl')).rows[0]?.ssl === 'on', {
    what: 'the server to have TLS',
  });
  await admin.end();
  return server;
}
