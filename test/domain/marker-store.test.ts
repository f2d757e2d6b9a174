/**
 * What may be done with the marker Redis, from what it says of itself.
 */
import { describe, expect, it } from 'vitest';
import {
  queueStoreWarnings,
  repairObstacles,
  storeChanged,
  storeWarnings,
  type StoreReading,
} from '../../src/domain/marker-store.ts';

const healthy: StoreReading = {
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

describe('repairObstacles', () => {
  it('has none for a primary that has loaded its data', () => {
    expect(repairObstacles(healthy)).toEqual([]);
  });

  it('forbids repairs on a replica, on a server that does not say what it is, and while it loads', () => {
    expect(repairObstacles({ ...healthy, role: 'slave' })).toEqual([
      'the marker Redis is a slave, not a primary',
    ]);
    expect(repairObstacles({ ...healthy, role: '' })).toHaveLength(1);
    expect(repairObstacles({ ...healthy, loading: true })).toEqual([expect.stringContaining('loading')]);
    expect(repairObstacles({ ...healthy, role: 'slave', loading: true })).toHaveLength(2);
  });
});

describe('the version of the marker Redis', () => {
  it('must be one whose scripts say what they do', () => {
    expect(repairObstacles({ ...healthy, version: '6.2.7' })).toEqual([
      'the marker Redis is version 6.2.7, and scripts need 7.0 or newer',
    ]);
    expect(repairObstacles({ ...healthy, version: '10.1.0' })).toEqual([]);
  });
});

describe('storeWarnings', () => {
  it('has none below the memory limit without eviction, nor without a limit', () => {
    expect(storeWarnings(healthy)).toEqual([]);
    const unlimited = {
      ...healthy,
      maxmemoryPolicy: 'allkeys-lru',
      maxmemoryBytes: 0,
      usedMemoryBytes: 9_999,
    };
    expect(storeWarnings(unlimited)).toEqual([]);
  });

  it('names an eviction policy that can make markers vanish', () => {
    expect(storeWarnings({ ...healthy, maxmemoryPolicy: 'volatile-ttl' })).toEqual([
      expect.stringContaining('maxmemory-policy volatile-ttl'),
    ]);
  });

  it('says when the memory limit is reached', () => {
    expect(storeWarnings({ ...healthy, usedMemoryBytes: 1_000 })).toEqual([
      expect.stringContaining('memory limit'),
    ]);
  });
});

describe('queueStoreWarnings', () => {
  it('names an eviction policy that can make jobs vanish, and what to run', () => {
    const evicting = { ...healthy, maxmemoryPolicy: 'allkeys-lru' };
    expect(queueStoreWarnings(evicting)).toEqual([
      expect.stringMatching(/maxmemory-policy allkeys-lru.*CONFIG SET maxmemory-policy noeviction/),
    ]);
    expect(queueStoreWarnings({ ...evicting, maxmemoryBytes: 0 })).toEqual([]);
    expect(queueStoreWarnings(healthy)).toEqual([]);
  });
});

describe('storeChanged', () => {
  it('sees a restart, a failover and a flush, and nothing where all stayed the same', () => {
    const before = { runId: 'r1', replicationId: 'p1', flushes: 3 };
    expect(storeChanged(before, healthy)).toBe(false);
    expect(storeChanged(before, { ...healthy, runId: 'r2' })).toBe(true);
    expect(storeChanged(before, { ...healthy, replicationId: 'p2' })).toBe(true);
    expect(storeChanged(before, { ...healthy, flushes: 4 })).toBe(true);
    // The count went back: it was reset, and what happened before is not known.
    expect(storeChanged(before, { ...healthy, flushes: 0 })).toBe(true);
  });
});
