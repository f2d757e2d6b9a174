/**
 * Where a Redis is, from its URL: `redis://`, or `rediss://` for TLS, which can name files as redis-cli does: `cacert` (the
 * authority that signed the server's certificate), `cert` and `key` (a certificate of our own). `redis+sentinel://` names
 * Sentinels that know where it is, `redis+cluster://` some servers of a Cluster (`domain/redis-url.ts`).
 * Invariants kept: no password gets into an error; over TLS the server's certificate is always checked, and its name.
 */
import { readFileSync } from 'node:fs';
import type { Redis, RedisOptions } from 'ioredis';
import { OperatingError } from '../domain/operating-error.ts';
import { formatHosts, readRedisHosts, type RedisHost, type RedisHosts } from '../domain/redis-url.ts';
import { SentinelConnector, sentinelsOf } from './sentinel-connector.ts';
import { TlsConnector } from './tls-connector.ts';

export interface ServerAddress {
  readonly kind: 'server';
  /** Without the names of files; that of several hosts says no more than the scheme. */
  readonly url: string;
  readonly options: Omit<RedisOptions, 'replyMapping'>;
}

export interface ClusterAddress {
  readonly kind: 'cluster';
  /** Some of its servers: they know the others. */
  readonly hosts: readonly RedisHost[];
  /** For each server. */
  readonly options: Omit<RedisOptions, 'replyMapping'>;
}

type TlsFiles = Partial<Record<'ca' | 'cert' | 'key', string>>;

/** What each file is to TLS. */
const files = { cacert: 'ca', cert: 'cert', key: 'key' } as const;

/**
 * Throws OperatingError `configuration` for a URL that cannot be read, with all that is wrong with it, or that names a
 * file that cannot.
 */
export function readAddress(text: string): ServerAddress | ClusterAddress {
  const reading = readRedisHosts(text);
  if (reading === null) return readOneServer(text);
  if ('problems' in reading) {
    const lines = reading.problems.map((problem) => `  - it ${problem}`).join('\n');
    throw new OperatingError(
      'configuration',
      `The Redis URL will not do; nothing was connected to:\n${lines}`,
    );
  }
  const { kind, hosts } = reading.hosts;
  return kind === 'cluster'
    ? { kind, hosts, options: serverOptions(reading.hosts) }
    : { kind: 'server', url: 'redis://', options: throughSentinels(reading.hosts) };
}

/** The same for leases and queues, whose keys must be able to lie together: no Cluster. */
export function readServerAddress(text: string): ServerAddress {
  const address = readAddress(text);
  if (address.kind === 'server') return address;
  throw new OperatingError(
    'configuration',
    'This Redis cannot be a Cluster: only markers may lie in one. Nothing was connected to.',
  );
}

function readOneServer(text: string): ServerAddress {
  // The parser's own error would carry the whole URL, with its password.
  if (!URL.canParse(text) || !/^rediss?:$/.test(new URL(text).protocol)) {
    throw new OperatingError(
      'configuration',
      'The Redis URL cannot be read. Write it as redis://user:password@host:6379/0, or rediss:// for TLS; characters ' +
        'such as @ and / in the password must be percent-encoded.',
    );
  }
  const url = new URL(text);
  const named = new Map<string, string>();
  for (const parameter of Object.keys(files)) {
    const file = url.searchParams.get(parameter);
    url.searchParams.delete(parameter);
    if (file === null) continue;
    if (url.protocol === 'redis:') throw badFile(parameter, file, 'goes with rediss:// only');
    named.set(parameter, file);
  }
  if (url.protocol === 'redis:') return { kind: 'server', url: text, options: {} };
  return {
    kind: 'server',
    url: url.href,
    options: { tls: readFiles(named), Connector: TlsConnector },
  };
}

function throughSentinels(given: RedisHosts): RedisOptions {
  const { hosts, primaryName, database, parameters } = given;
  const [sentinelUsername, sentinelPassword] = ['sentinelUsername', 'sentinelPassword'].map((name) =>
    parameters.get(name),
  );
  const options = serverOptions(given);
  const { tls } = options;
  return {
    ...options,
    Connector: SentinelConnector,
    sentinels: [...hosts],
    name: primaryName,
    db: database,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
}

/** How each of the servers that hold the data is spoken to. */
function serverOptions({ isTls, username, password, parameters }: RedisHosts): RedisOptions {
  return {
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(isTls ? { tls: readFiles(parameters), Connector: TlsConnector } : {}),
  };
}

/** @param named the files, by parameter */
function readFiles(named: ReadonlyMap<string, string>): TlsFiles {
  const tls: TlsFiles = {};
  for (const [parameter, part] of Object.entries(files)) {
    const file = named.get(parameter);
    if (file !== undefined) tls[part] = readPem(parameter, file);
  }
  return tls;
}

function readPem(parameter: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no known cause';
    throw badFile(parameter, file, code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`);
  }
  if (!text.includes('-----BEGIN ')) throw badFile(parameter, file, 'holds no certificate or key (PEM)');
  return text;
}

function badFile(parameter: string, file: string, what: string): OperatingError {
  return new OperatingError(
    'configuration',
    `The Redis URL names the file ${file} (${parameter}), which ${what}. Nothing was connected to.`,
  );
}

/** For people: host and port, or what the Sentinels call it, and where they are. */
export function addressOf({ options }: Redis): string {
  const sentinels = sentinelsOf(options);
  if (sentinels.length === 0) return `${options.host ?? 'localhost'}:${options.port ?? 6379}`;
  return `${options.name ?? ''} (Sentinels at ${formatHosts(sentinels)})`;
}

/** What it looks like when one side speaks TLS and the other does not. */
export function hintOf({ options }: Redis, trouble: string): string {
  const isTls = options.tls !== undefined;
  const scheme = sentinelsOf(options).length === 0 ? '' : '+sentinel';
  if (!isTls && trouble.includes('ECONNRESET')) {
    return ` If it wants TLS, the URL must begin with rediss${scheme}://.`;
  }
  if (isTls && trouble.includes('ETIMEDOUT')) {
    return ` If it has no TLS, the URL must begin with redis${scheme}://.`;
  }
  return '';
}
