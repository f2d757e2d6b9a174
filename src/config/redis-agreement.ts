/**
 * The URLs of both Redis servers where they are of several hosts: what is wrong with them, and what each may be.
 * Works on the tree of texts, like `agreement.ts`.
 */
import { readRedisHosts } from '../domain/redis-url.ts';
import { valueAt, type Problem } from './problem.ts';

export function checkRedisUrls(tree: unknown): Problem[] {
  return [
    ...['markerRedis', 'queueRedis'].flatMap((section) => checkUrl([section, 'url'], tree)),
    ...checkQueue(tree),
  ];
}

function checkUrl(path: readonly string[], tree: unknown): Problem[] {
  const text = valueAt(tree, path);
  const reading = typeof text === 'string' ? readRedisHosts(text) : null;
  if (reading === null) return [];
  if ('problems' in reading) return reading.problems.map((message) => ({ path, message }));
  return [];
}

/** Jobs are moved between keys, which cannot be done between the slots of a Cluster. */
function checkQueue(tree: unknown): Problem[] {
  const path = ['queueRedis', 'url'];
  const own = valueAt(tree, path) ?? '';
  if (isCluster(own)) {
    return [{ path, message: 'cannot be a Redis Cluster: queues and leases need one server, or Sentinels' }];
  }
  if (own !== '' || !isCluster(valueAt(tree, ['markerRedis', 'url']))) return [];
  return [
    {
      path,
      message:
        'is missing: markerRedis.url is a Redis Cluster, and queues and leases need one server, or Sentinels (QUEUE_REDIS_URL, ' +
        'if set, is taken)',
    },
  ];
}

function isCluster(text: unknown): boolean {
  return typeof text === 'string' && /^rediss?\+cluster:/i.test(text);
}
