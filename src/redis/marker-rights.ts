/**
 * What the reconciler needs of the marker Redis, for `check` and for access lists; `ops/redis-acl.conf` allows this and no
 * more. The gate needs other commands on the same keys.
 */
import { Redis } from 'ioredis';
import { canaryName } from '../domain/canary.ts';
import { openClaimsKey } from '../domain/open-claim.ts';
import type { Source } from '../domain/source.ts';
import { markerServers } from './connect-markers.ts';
import { rightsProblems, type Need } from './rights.ts';
import type { MarkerRedis } from './script.ts';

/** Of any connection to Redis. */
export const connectionNeed: Need = {
  what: 'connections',
  keys: null,
  calls: ['ping', 'select 0', 'quit', 'client setname x', 'info', 'time', 'eval return 0', 'evalsha x 0'],
};

const repairCalls = ['get KEY', 'mget KEY', 'type KEY', 'pttl KEY', 'set KEY x', 'pexpire KEY 1', 'del KEY'];

/** Where markers are hashes; `ops/redis-acl.conf` does not allow `hget` and `hset`. */
const hashCalls = [
  'hget KEY x',
  'type KEY',
  'pttl KEY',
  'exists KEY',
  'hset KEY x 1',
  'pexpire KEY 1',
  'del KEY',
];

/** Besides, of a connection to a Cluster. */
const clusterNeed: Need = {
  what: 'the slots of a Cluster',
  keys: null,
  calls: ['cluster slots', 'readonly', 'readwrite'],
};

/**
 * What the marker Redis is not allowed to do for us, on each of its servers: access lists are not passed on from one to
 * another. Of a Cluster replicas are asked, too, which may be promoted. Throws OperatingError when a server does not answer.
 * @param namespace what our own keys begin with
 */
export async function markerRightsProblems(
  redis: MarkerRedis,
  sources: readonly Source[],
  namespace: string,
  callTimeoutMs: number,
): Promise<string[]> {
  const needs = markerNeeds(sources, namespace);
  const primaries = await markerServers(redis, callTimeoutMs);
  if (redis instanceof Redis) return rightsProblems(redis, needs, callTimeoutMs);
  const replicas = redis.nodes('slave').filter(({ status }) => status === 'ready');
  const found = [...primaries, ...replicas].map(async (server) =>
    rightsProblems(server, [clusterNeed, ...needs], callTimeoutMs),
  );
  return [...new Set((await Promise.all(found)).flat())];
}

/** Of any one server. */
export function markerNeeds(sources: readonly Source[], namespace: string): Need[] {
  return [
    connectionNeed,
    ...sources.map(({ name, marker }) => ({
      what: `markers of ${name}`,
      keys: {
        example: marker.key.map((part) => (part.kind === 'literal' ? part.text : '0')).join(''),
        pattern: marker.key.map((part) => (part.kind === 'literal' ? escaped(part.text) : '*')).join(''),
      },
      calls:
        marker.hashField !== undefined
          ? hashCalls
          : name === canaryName
            ? [...repairCalls, 'persist KEY', 'exists KEY']
            : repairCalls,
    })),
    ...sources.map(({ name }) => ({
      what: `open claims of ${name}`,
      keys: { example: openClaimsKey(namespace, name), pattern: escaped(openClaimsKey(namespace, name)) },
      calls: ['zrange KEY 0 0', 'zrangebyscore KEY 0 0', 'zcard KEY', 'zrem KEY x'],
    })),
  ];
}

/** As a pattern that matches the text only. */
function escaped(text: string): string {
  return text.replaceAll(/[*?[\]\\]/g, '\\$&');
}
