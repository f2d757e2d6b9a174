/**
 * What may be done with the marker Redis, from what it says of itself.
 */
import { describe, expect, it } from 'vitest';
import {
  identityOf,
  queueStoreWarnings,
  repairObstacles,
  storeChange,
  storeWarnings,
  type ServerReading,
  type StoreReading,
} from '../../src/domain/marker-store.ts';

const server: ServerReading = {
  place: '',
  version: '7.0.15',
  runId: 'r1',
  replicationId: 'p1',
  role: 'master',
  maxmemoryPolicy: 'noeviction',
  maxmemoryBytes: 1_000,
  usedMemoryBytes: 999,
  loading: false,
  flushes: 3,
};

/** One server, or several of a Cluster, that differ so from one that is well. */
function storeOf(...changes: readonly Partial<ServerReading>[]): StoreReading {
  return { servers: changes.map((change) => ({ ...server, ...change })), unservedSlots: 0 };
}

const healthy = storeOf({});

describe('repairObstacles', () => {
  it('has none for a primary that has loaded its data', () => {
    expect(repairObstacles(healthy)).toEqual([]);
  });

  it('forbids repairs on a replica, on a server that does not say what it is, and while it loads', () => {
    expect(repairObstacles(storeOf({ role: 'slave' }))).toEqual([
      'the marker Redis is a slave, not a primary',
    ]);
    expect(repairObstacles(storeOf({ role: '' }))).toHaveLength(1);
    expect(repairObstacles(storeOf({ loading: true }))).toEqual([expect.stringContaining('loading')]);
    expect(repairObstacles(storeOf({ role: 'slave', loading: true }))).toHaveLength(2);
  });
});

describe('the version of the marker Redis', () => {
  it('must be one whose scripts say what they do', () => {
    expect(repairObstacles(storeOf({ version: '6.2.7' }))).toEqual([
      'the marker Redis is version 6.2.7, and scripts need 7.0 or newer',
    ]);
    expect(repairObstacles(storeOf({ version: '10.1.0' }))).toEqual([]);
  });
});

describe('storeWarnings', () => {
  it('has none below the memory limit without eviction, nor without a limit', () => {
    expect(storeWarnings(healthy)).toEqual([]);
    const unlimited = { maxmemoryPolicy: 'allkeys-lru', maxmemoryBytes: 0, usedMemoryBytes: 9_999 };
    expect(storeWarnings(storeOf(unlimited))).toEqual([]);
  });

  it('names an eviction policy that can make markers vanish', () => {
    expect(storeWarnings(storeOf({ maxmemoryPolicy: 'volatile-ttl' }))).toEqual([
      expect.stringContaining('maxmemory-policy volatile-ttl'),
    ]);
  });

  it('says when the memory limit is reached', () => {
    expect(storeWarnings(storeOf({ usedMemoryBytes: 1_000 }))).toEqual([
      expect.stringContaining('memory limit'),
    ]);
  });
});

describe('queueStoreWarnings', () => {
  it('names an eviction policy that can make jobs vanish, and what to run', () => {
    const evicting = { ...server, maxmemoryPolicy: 'allkeys-lru' };
    expect(queueStoreWarnings(evicting)).toEqual([
      expect.stringMatching(/maxmemory-policy allkeys-lru.*CONFIG SET maxmemory-policy noeviction/),
    ]);
    expect(queueStoreWarnings({ ...evicting, maxmemoryBytes: 0 })).toEqual([]);
    expect(queueStoreWarnings(server)).toEqual([]);
  });
});

describe('a Cluster', () => {
  it('is told of with the server that is meant, and with slots that nobody serves', () => {
    const cluster = storeOf(
      { place: 'a:1' },
      { place: 'b:2', role: 'slave', maxmemoryPolicy: 'volatile-ttl' },
    );
    expect(repairObstacles({ ...cluster, unservedSlots: 7 })).toEqual([
      'the marker Redis at b:2 is a slave, not a primary',
      expect.stringMatching(/^7 of the 16384 slots .* served by no server/),
    ]);
    expect(storeWarnings(cluster)).toEqual([expect.stringMatching(/^the marker Redis at b:2 evicts/)]);
  });
});

describe('a change of the store', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((runId) => ({ runId, replicationId: `p-${runId}` }));

  it('is seen after a restart, a failover and a flush, and not where all stayed the same', () => {
    const before = identityOf(healthy);
    expect(before).toEqual({ runId: 'r1', replicationId: 'p1', flushes: 3 });
    expect(storeChange(before, healthy)).toBe('none');
    expect(storeChange(before, storeOf({ runId: 'r2' }))).toBe('lost');
    expect(storeChange(before, storeOf({ replicationId: 'p2' }))).toBe('lost');
    expect(storeChange(before, storeOf({ flushes: 4 }))).toBe('lost');
    // The count went back: it was reset, and what happened before is not known.
    expect(storeChange(before, storeOf({ flushes: 0 }))).toBe('lost');
  });

  it('is none where the servers of a Cluster are told in another order', () => {
    expect(identityOf(storeOf({ ...b }, { ...a }))).toEqual(identityOf(storeOf({ ...a }, { ...b })));
    expect(storeChange(identityOf(storeOf({ ...a }, { ...b })), storeOf({ ...b }, { ...a }))).toBe('none');
  });

  it('is a loss where one of several is another, is gone, or was flushed', () => {
    const before = identityOf(storeOf({ ...a }, { ...b }));
    expect(storeChange(before, storeOf({ ...a }, { ...c }))).toBe('lost');
    expect(storeChange(before, storeOf({ ...a }, { ...b, replicationId: 'p-c' }))).toBe('lost');
    expect(storeChange(before, storeOf({ ...a }))).toBe('lost');
    expect(storeChange(before, storeOf({ ...a }, { ...b, flushes: 4 }))).toBe('lost');
    expect(storeChange(before, storeOf({ ...a }, { ...b, flushes: 4 }, { ...c }))).toBe('lost');
    expect(storeChange(before, { servers: [], unservedSlots: 16_384 })).toBe('lost');
  });

  it('is no loss where another server joins them, whatever was flushed there before', () => {
    const before = identityOf(storeOf({ ...a }, { ...b }));
    const after = storeOf({ ...c, flushes: 9 }, { ...b }, { ...a });
    expect(storeChange(before, after)).toBe('grown');
    expect(storeChange(identityOf(after), after)).toBe('none');
  });
});
