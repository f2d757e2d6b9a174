/**
 * What leases, queues and their dashboard need of the queue Redis, for `check`; `ops/redis-acl.conf` allows it.
 * Invariant kept: every command that the queue library's scripts call is here (`test/ops/rights.test.ts`).
 */
import { connectionNeed } from '../redis/marker-rights.ts';
import type { Need } from '../redis/rights.ts';

const leaseCalls = ['get KEY', 'set KEY x', 'pttl KEY', 'pexpire KEY 1', 'del KEY'];

/** Each command once, with arguments that fit it. */
const queueCalls = [
  ...leaseCalls,
  ...split(
    'exists KEY, incr KEY, incrby KEY 1, persist KEY, pexpireat KEY 1, rename KEY KEY, type KEY, unlink KEY',
  ),
  ...split(
    'hdel KEY x, hexists KEY x, hget KEY x, hgetall KEY, hincrby KEY x 1, hlen KEY, hmget KEY x, hmset KEY x x',
  ),
  ...split(
    'hset KEY x x, lindex KEY 0, llen KEY, lpop KEY, lpos KEY x, lpush KEY x, lrange KEY 0 0, lrem KEY 0 x',
  ),
  ...split(
    'lset KEY 0 x, ltrim KEY 0 0, rpop KEY, rpoplpush KEY KEY, rpush KEY x, sadd KEY x, scard KEY, srem KEY x',
  ),
  ...split(
    'sismember KEY x, smembers KEY, xadd KEY * x x, xdel KEY 0, xlen KEY, xrange KEY - +, xtrim KEY MAXLEN 0',
  ),
  ...split(
    'xread STREAMS KEY 0, zadd KEY 0 x, zcard KEY, zcount KEY 0 0, zlexcount KEY - +, zpopmin KEY, zrem KEY x',
  ),
  ...split(
    'zrange KEY 0 0, zrangebylex KEY - +, zrangebyscore KEY 0 0, zremrangebyrank KEY 0 0, zscore KEY x',
  ),
  ...split('zremrangebyscore KEY 0 0, zrevrange KEY 0 0, zrevrangebyscore KEY 0 0, bzpopmin KEY 0'),
];

/** @param namespace what our own keys begin with */
export function queueNeeds(namespace: string): Need[] {
  const keysOf = (room: string) => ({ example: `${namespace}:${room}:x`, pattern: `${namespace}:*` });
  return [
    connectionNeed,
    { what: 'leases', keys: keysOf('lease'), calls: leaseCalls },
    { what: 'queues', keys: keysOf('queue'), calls: queueCalls },
    { what: 'queues', keys: null, calls: ['multi', 'exec'] },
  ];
}

function split(calls: string): string[] {
  return calls.split(', ');
}
