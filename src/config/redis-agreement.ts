/**
 * The URLs of both Redis servers where they are of several hosts: what is wrong with them, and what each may be.
 * Works on the tree of texts, like `agreement.ts`.
 */
import { readRedisHosts } from '../domain/redis-url.ts';
import { valueAt, type Problem } from './problem.ts';

export function checkRedisUrls(tree: unknown): Problem[] {
  return ['markerRedis', 'queueRedis'].flatMap((section) => checkUrl([section, 'url'], tree));
}

function checkUrl(path: readonly string[], tree: unknown): Problem[] {
  const text = valueAt(tree, path);
  const reading = typeof text === 'string' ? readRedisHosts(text) : null;
  if (reading === null) return [];
  if ('problems' in reading) return reading.problems.map((message) => ({ path, message }));
  return reading.hosts.kind === 'cluster' ? [{ path, message: 'cannot be a Redis Cluster' }] : [];
}
