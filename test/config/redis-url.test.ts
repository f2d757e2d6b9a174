/**
 * The URLs of both Redis servers, where they are of several hosts: what is taken, and what is told.
 */
import { expect, it } from 'vitest';
import { smallest, useFolder } from './written-config.ts';

const { load, complaints } = useFolder();
const sentinel = 'redis+sentinel://user:secret@s1,s2:26380/mymaster/2';

it('Sentinels are taken for both, from the file as from the environment', async () => {
  const { markerRedis, queueRedis } = await load(`${smallest}\nqueueRedis: { url: '${sentinel}' }`, {
    env: { REDIS_URL: sentinel },
  });
  expect([markerRedis.url, queueRedis.url]).toEqual([sentinel, sentinel]);
});

it('all that is wrong with either is told, with where it is from, and no word of a password', async () => {
  const { lines } = await complaints(
    `${smallest}\nqueueRedis: { url: 'redis+sentinel://u:SECRET@h:x/?cacert=/f' }`,
    { env: { REDIS_URL: 'rediss+sentinel://:SE@CRET@h/m' } },
  );
  expect(lines).toEqual([
    expect.stringMatching(/^markerRedis\.url \(from REDIS_URL\): has one of the characters/),
    expect.stringMatching(/^queueRedis\.url: host 1 must be a name or an address/),
    expect.stringMatching(/^queueRedis\.url: has cacert, which goes with rediss\+sentinel/),
    expect.stringMatching(/^queueRedis\.url: must name the primary behind the hosts/),
  ]);
  expect(lines.join('')).not.toMatch(/SE|CRET/);
});

it('a password behind the question mark is not shown either, wherever the URL has strayed to', async () => {
  const { lines } = await complaints(
    `${smallest}\ntimezone: 'redis+sentinel://h/m?sentinelPassword=SECRET&x=1'`,
  );
  expect(lines).toEqual([expect.stringContaining('sentinelPassword=***&x=1')]);
});

it('what is no URL at all is told how one is written', async () => {
  const { lines } = await complaints(smallest, { env: { REDIS_URL: 'sentinel://h/m' } });
  expect(lines).toEqual([expect.stringContaining('through Sentinels it is redis+sentinel://')]);
});

const cluster = 'rediss+cluster://user:secret@c1,c2:7001';

it('a Cluster is taken for markers, with a queue elsewhere', async () => {
  const { markerRedis, queueRedis } = await load(smallest, {
    env: { REDIS_URL: cluster, QUEUE_REDIS_URL: sentinel },
  });
  expect([markerRedis.url, queueRedis.url]).toEqual([cluster, sentinel]);
});

it.each([
  [
    { REDIS_URL: cluster },
    /^queueRedis\.url: is missing: markerRedis\.url is a Redis Cluster, .*QUEUE_REDIS_URL/,
  ],
  [
    { QUEUE_REDIS_URL: cluster },
    /^queueRedis\.url \(from QUEUE_REDIS_URL\): cannot be a Redis Cluster: queues and leases/,
  ],
  [
    { REDIS_URL: `${cluster}/1`, QUEUE_REDIS_URL: sentinel },
    /^markerRedis\.url \(from REDIS_URL\): names a database/,
  ],
])('a queue in a Cluster, or a Cluster with databases, is refused: %j', async (env, said) => {
  const { lines } = await complaints(smallest, { env });
  expect(lines).toEqual([expect.stringMatching(said)]);
});
