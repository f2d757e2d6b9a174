/**
 * Where a Redis is, from its URL: `redis://`, or `rediss://` for TLS, which can name files as redis-cli does: `cacert` (the
 * authority that signed the server's certificate), `cert` and `key` (a certificate of our own).
 * Invariants kept: no password gets into an error; over TLS the server's certificate is always checked, and its name.
 */
import { readFileSync } from 'node:fs';
import type { Redis, RedisOptions } from 'ioredis';
import { OperatingError } from '../domain/operating-error.ts';
import { TlsConnector } from './tls-connector.ts';

export interface RedisAddress {
  /** Without the names of files. */
  readonly url: string;
  readonly options: Pick<RedisOptions, 'tls' | 'Connector'>;
}

/** What each file is to TLS. */
const files = { cacert: 'ca', cert: 'cert', key: 'key' } as const;

/** Throws OperatingError `configuration` for a URL that cannot be read, or that names a file that cannot. */
export function readAddress(text: string): RedisAddress {
  // The parser's own error would carry the whole URL, with its password.
  if (!URL.canParse(text) || !/^rediss?:$/.test(new URL(text).protocol)) {
    throw new OperatingError(
      'configuration',
      'The Redis URL cannot be read. Write it as redis://user:password@host:6379/0, or rediss:// for TLS; characters ' +
        'such as @ and / in the password must be percent-encoded.',
    );
  }
  const url = new URL(text);
  const tls: Partial<Record<'ca' | 'cert' | 'key', string>> = {};
  for (const [parameter, part] of Object.entries(files)) {
    const file = url.searchParams.get(parameter);
    url.searchParams.delete(parameter);
    if (file === null) continue;
    if (url.protocol === 'redis:') throw badFile(parameter, file, 'goes with rediss:// only');
    tls[part] = readPem(parameter, file);
  }
  if (url.protocol === 'redis:') return { url: text, options: {} };
  return { url: url.href, options: { tls, Connector: TlsConnector } };
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

/** Host and port, for people. */
export function addressOf({ options }: Redis): string {
  return `${options.host ?? 'localhost'}:${options.port ?? 6379}`;
}

/** What it looks like when one side speaks TLS and the other does not. */
export function hintOf({ options }: Redis, trouble: string): string {
  const isTls = options.tls !== undefined;
  if (!isTls && trouble.includes('ECONNRESET')) return ' If it wants TLS, the URL must begin with rediss://.';
  if (isTls && trouble.includes('ETIMEDOUT')) return ' If it has no TLS, the URL must begin with redis://.';
  return '';
}
