/**
 * The library entry, used as an application uses it: a configuration file, and nothing else opened by the caller.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Distributor } from '../../src/domain/distributor.ts';
import type { OperatingError } from '../../src/domain/operating-error.ts';
import { openGate, type OpenGateOptions } from '../../src/entry/gate.ts';
import { useFolder } from '../config/written-config.ts';
import { useGates } from '../gate/support/use-gates.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { waitFor } from '../support/wait-for.ts';

const gates = useGates();
const folder = useFolder();
const gift = { activity_id: 7, gift_id: 1, uid: 100_180 };

const yes: Distributor = {
  grant: async () => ({ kind: 'granted' }),
  lookup: async () => ({ kind: 'not_granted' }),
};

const statuses = '{ pending: pending, granted: granted, released: failed }';
const sources = `
sources:
  gifts:
    table: gift_claim
    columns: { id: id, attempt: attempt_id, status: status, expiresAt: expires_at }
    marker: { key: 'gift:{activity_id}:{gift_id}:{uid}', value: '{attempt_id}' }
    statuses: ${statuses}
    mode: observe
  unfit:
    table: gift_claim
    columns: { id: id, attempt: note, status: status, expiresAt: expires_at }
    marker: { key: 'gift:{activity_id}{gift_id}', value: '{note}' }
    statuses: ${statuses}
    mode: observe
`;

async function open(
  changes: Partial<OpenGateOptions> & { databaseUrl?: string; redisUrl?: string } = {},
): Promise<{ gate: Awaited<ReturnType<typeof openGate>>; troubles: OperatingError[] }> {
  const { databaseUrl = gates.databaseUrl(), redisUrl = gates.redisUrl(), ...options } = changes;
  const config = await folder.write(
    'gate.yaml',
    `database: { url: '${databaseUrl}' }\nmarkerRedis: { url: '\${MARKERS}' }\n${sources}`,
  );
  const troubles: OperatingError[] = [];
  const gate = await openGate({
    source: 'gifts',
    config,
    env: { MARKERS: redisUrl },
    distributor: yes,
    ttlMs: 60_000,
    onTrouble: (error) => troubles.push(error),
    ...options,
  });
  onTestFinished(async () => gate.close());
  return { gate, troubles };
}

/** Connections of a gate to either store. */
async function connections(): Promise<number> {
  const clients = await gates.client().client('LIST');
  const { rows } = await gates
    .pool()
    .query(`select from pg_stat_activity where datname = current_database() and application_name ~ 'gate$'`);
  return String(clients).split('name=claim-reconciler:gate').length - 1 + rows.length;
}

describe('a gate for an application', () => {
  it('claims through the stores of the configuration, and leaves no connection open', async () => {
    const { gate, troubles } = await open();
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toEqual({
      kind: 'granted',
      attempt: 'a1',
      claimId: '1',
    });
    expect(await gate.lookup('a1')).toEqual({ kind: 'granted', claimId: '1' });
    expect(await gates.client().get('gift:7:1:100180')).toBe('a1');
    expect(await connections()).toBeGreaterThan(1);
    await Promise.all([gate.close(), gate.close()]);
    await waitFor(async () => (await connections()) === 0, { what: 'the connections to be closed' });
    await expect(gate.claim({ columns: gift })).rejects.toMatchObject({ code: 'not_ready' });
    expect(gate.counts()).toMatchObject({ granted: 1 });
    expect(troubles).toEqual([]);
  });

  it('asks whether something is open over a connection of its own', async () => {
    const load = async () => ({ open: false, reason: 'not begun' }) as const;
    const { gate } = await open({
      eligibility: { key: () => 'all', load, freshMs: 60_000, staleMs: 1_000, waitMs: 5_000 },
    });
    expect(await gate.claim({ columns: gift })).toMatchObject({ kind: 'refused', reason: 'not begun' });
  });

  it('claims in a Cluster; whether something is open is then kept in the Redis of the queues', async () => {
    const cluster = await startRedisCluster(2);
    onTestFinished(async () => cluster.stop());
    const load = async () => ({ open: true }) as const;
    const { gate, troubles } = await open({
      env: { MARKERS: cluster.url, QUEUE_REDIS_URL: gates.redisUrl() },
      eligibility: { key: () => 'all', load, freshMs: 60_000, staleMs: 1_000, waitMs: 5_000 },
    });
    expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({ kind: 'granted' });
    expect(await cluster.client.get('gift:7:1:100180')).toBe('a1');
    expect(await gates.client().keys('*eligibility*')).not.toEqual([]);
    await gate.close();
    expect(troubles).toEqual([]);
  });

  it('goes on without Redis if it may, from the start', async () => {
    const { gate, troubles } = await open({ redisUrl: 'redis://127.0.0.1:1/0', whenRedisIsDown: 'postgres' });
    expect(troubles.length).toBeGreaterThan(0);
    expect(await gate.claim({ columns: gift })).toMatchObject({ kind: 'granted' });
  });
});

describe('a gate is not opened', () => {
  it.each([
    [
      'for a source that is not configured',
      { source: 'gift' },
      'configuration',
      /no source gift; .*did you mean gifts\?/,
    ],
    ['without a distributor', { distributor: undefined }, 'configuration', /sources\.gifts\.distributor/],
    ['with options that do not fit', { ttlMs: -1 }, 'configuration', /ttlMs: must be/],
    ['without Redis', { redisUrl: 'redis://127.0.0.1:1/0' }, 'redis_unreachable', /could not be reached/],
    [
      'without Postgres',
      { databaseUrl: 'postgres://127.0.0.1:1/x' },
      'postgres_unreachable',
      /did not answer/,
    ],
    [
      'without its configuration',
      { config: '/nowhere.yaml' },
      'configuration',
      /There is no configuration file/,
    ],
  ] as const)('%s', async (_, changes, code, message) => {
    const opening = open(changes as Parameters<typeof open>[0]);
    await expect(opening).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await waitFor(async () => (await connections()) === 0, { what: 'the connections to be closed' });
  });

  it('for a table that it cannot write: all that is wrong is told, with what to do', async () => {
    await expect(open({ source: 'unfit' })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(
        /The gate cannot write[^]*note[^]*unique index[^]*marker\.key can be the same[^]*/,
      ),
    });
    await waitFor(async () => (await connections()) === 0, { what: 'the connections to be closed' });
  });
});
