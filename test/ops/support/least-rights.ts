/**
 * The roles and access lists of `ops/`, as an administrator would put them into force on servers of a test.
 * Invariant kept: what is applied is what is shipped, but for passwords and the tables that a test has.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { readText } from '../../architecture/source-files.ts';

/** `ops/postgres-grants.sql` without the part that is to be adapted. */
export function ownGrants(): string {
  const [own = '', claims] = readText('ops/postgres-grants.sql').split('-- The claim tables:');
  if (claims === undefined) throw new Error('ops/postgres-grants.sql has no part about claim tables');
  return own;
}

/** `ops/redis-acl.conf` with this password for each user. */
export function accessList(password: string): string {
  const hash = createHash('sha256').update(password).digest('hex');
  return readText('ops/redis-acl.conf').replaceAll('SHA256-OF-ITS-PASSWORD', hash);
}

/** Puts the line of one user into force. */
export async function allow(redis: Redis, list: string, user: string): Promise<void> {
  const line = list.split('\n').find((candidate) => candidate.startsWith(`user ${user} `));
  if (line === undefined) throw new Error(`the access list has no user ${user}`);
  const [, name = '', ...rules] = line.split(' ');
  await redis.call('ACL', 'SETUSER', name, 'reset', ...rules);
}

export function urlAs(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  return changed.href;
}
