/**
 * The gate with no more rights in Redis than `ops/redis-acl.conf` gives it.
 */
import { expect, it } from 'vitest';
import { defaultNamespace } from '../../src/domain/open-claim.ts';
import { accessList, allow, urlAs } from '../ops/support/least-rights.ts';
import { strictTo } from '../support/strict-redis.ts';
import { useGates } from './support/use-gates.ts';

const gates = useGates();
const password = 'of-the-gate';

it('claims, gives back and looks up what is open, and may touch nothing else', async () => {
  const admin = gates.client();
  await allow(admin, accessList(password), 'claim-gate');
  const url = urlAs(gates.redisUrl(), 'claim-gate', password);
  const [redis, cacheRedis] = await Promise.all([strictTo(url), strictTo(url)]);
  try {
    const gate = await gates.open({
      redis,
      cacheRedis,
      namespace: defaultNamespace,
      eligibility: {
        key: ({ activity_id: activity }) => String(activity),
        load: async () => ({ open: true }),
        freshMs: 60_000,
        staleMs: 60_000,
        waitMs: 1_000,
      },
    });
    const columns = { activity_id: 1, gift_id: 2, uid: 3 };
    expect(await gate.claim({ columns })).toMatchObject({ kind: 'granted' });
    expect(await gate.claim({ columns })).toMatchObject({ kind: 'already_claimed' });
    gate.distributor.does(async () => ({ kind: 'refused', reason: 'sold out' }));
    expect(await gate.claim({ columns: { ...columns, uid: 4 } })).toMatchObject({ kind: 'refused' });
    await gate.finish();
    expect(gate.troubles).toEqual([]);
    expect(await admin.keys('gift:*')).toEqual(['gift:1:2:3']);
    const log = JSON.stringify(await admin.call('ACL', 'LOG'));
    expect(log).not.toContain('claim-gate');
    await expect(redis.get('session:1')).rejects.toThrow(/NOPERM/);
    await expect(redis.call('KEYS', '*')).rejects.toThrow(/NOPERM/);
  } finally {
    for (const client of [redis, cacheRedis]) client.disconnect();
    await admin.call('ACL', 'DELUSER', 'claim-gate');
  }
});
