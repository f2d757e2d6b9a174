/**
 * Writing the row that a granted open claim never got, on a real server: from texts of unknown origin, beside whatever
 * the table holds by now, with and without indexes that help.
 */
import { describe, expect, it } from 'vitest';
import type { OpenClaim } from '../../src/domain/open-claim.ts';
import { describeSource } from '../../src/postgres/source-sql.ts';
import { insertGranted, readClaimsByAttempt } from '../../src/postgres/write-claim.ts';
import { useGateShop } from './gate-table.ts';
import { shopSource, type Changes } from './shop-table.ts';

const shop = useGateShop();
const { run, createGateTable, createRightTable } = shop;

const dayMs = 86_400_000;
const expiresAtMs = Date.UTC(2040, 0, 1, 0, 0, 0, 123);
const open: OpenClaim = {
  markerKey: 'gift:1',
  markerValue: 'a1',
  attempt: 'a1',
  columns: { uid: 1 },
  expiresAtMs,
};

async function write(entry: OpenClaim, changes: Changes = {}): ReturnType<typeof insertGranted> {
  const source = shopSource(changes);
  return insertGranted(shop.pool(), source, describeSource(source, 'bigint'), entry);
}

async function rows(columns = 'uid, attempt_id, status'): Promise<unknown[]> {
  return (await shop.pool().query(`select ${columns} from shop.gift_claim order by id`)).rows;
}

const others = (status: string, expiry: string): string =>
  `insert into shop.gift_claim (uid, attempt_id, status, expires_at) values (1, 'other', '${status}', ${expiry})`;

describe('the row of a granted open claim', () => {
  it('is written with its attempt, its columns and its window', async () => {
    await createGateTable({ note: 'text', bought: 'boolean', gone: 'date' });
    const columns = { uid: 1, note: `it's "a" note\n`, bought: true, gone: null };
    expect(await write({ ...open, columns })).toBe('inserted');
    expect(await rows('uid, attempt_id, status, expires_at, note, bought, gone')).toEqual([
      { ...columns, uid: '1', attempt_id: 'a1', status: 'granted', expires_at: new Date(expiresAtMs) },
    ]);
    const source = shopSource();
    const found = await readClaimsByAttempt(shop.pool(), describeSource(source, 'bigint'), ['a1']);
    expect(found.get('a1')).toMatchObject({ status: 'granted', markerKey: 'gift:1', expiresAtMs });
  });

  it('may have come as texts, whatever the types of its columns', async () => {
    await createGateTable({ bought: 'boolean', part: 'uuid', at: 'timestamptz', amount: 'numeric' });
    const columns = {
      uid: '1',
      bought: 'true',
      part: '5d1e0a52-0ef4-4e57-9a2c-6d4c53e9b4a1',
      at: '2030-01-01T00:00:00Z',
      amount: '1.50',
    };
    expect(await write({ ...open, columns })).toBe('inserted');
    expect(await rows('uid, bought, amount')).toEqual([{ uid: '1', bought: true, amount: '1.50' }]);
  });

  it.each(['timestamptz', 'timestamp'])(
    'began one window ago, where a %s says when it began',
    async (type) => {
      await createGateTable({ created_at: `${type} not null`, expires_at: 'date' });
      const expiry = { createdAt: 'created_at', ttlMs: dayMs };
      expect(await write(open, { columns: { expiry } })).toBe('inserted');
      expect(await rows('(extract(epoch from created_at) * 1000)::float8 as began')).toEqual([
        { began: expiresAtMs - dayMs },
      ]);
    },
  );

  it('has the attempt and window of the entry, whatever its columns say', async () => {
    await createGateTable();
    const columns = { uid: 1, attempt_id: 'x', status: 'failed', expires_at: '1970-01-01', change_xid: '1' };
    expect(await write({ ...open, columns })).toBe('inserted');
    expect(await rows()).toEqual([{ uid: '1', attempt_id: 'a1', status: 'granted' }]);
  });

  it('may be of a marker whose key names a column twice, or the attempt', async () => {
    await createGateTable();
    const changes = { key: 'g:{{uid}}:{attempt_id}:{uid}' };
    expect(await write({ ...open, markerKey: 'g:{1}:a1:1' }, changes)).toBe('inserted');
  });

  it('is written even when its window is over, or when others on the marker are done with', async () => {
    await createGateTable();
    await run(others('failed', `now() + interval '1 day'`));
    expect(await write({ ...open, expiresAtMs: 1_000 })).toBe('inserted');
  });
});

describe('the row is not written', () => {
  // As an application may have it: the indexes that the gate asks for, or none.
  describe.each([
    ['with an index over live claims', async (): Promise<void> => createGateTable()],
    ['without any', async (): Promise<void> => createRightTable({ attempt_id: 'text' })],
  ])('%s', (_which, create) => {
    it('when there is a row of its attempt already, whatever has become of it', async () => {
      await create();
      expect(await write(open)).toBe('inserted');
      expect(await write(open)).toBe('attempt_exists');
      await run(`update shop.gift_claim set status = 'failed', uid = 2`);
      expect(await write(open)).toBe('attempt_exists');
      expect(await rows()).toEqual([{ uid: '2', attempt_id: 'a1', status: 'failed' }]);
    });

    it.each([
      ['pending', `now() - interval '1 day'`],
      ['granted', `now() + interval '1 day'`],
    ])('when another claim on the marker is %s', async (status, expiry) => {
      await create();
      await run(others(status, expiry));
      expect(await write(open)).toBe('live_elsewhere');
      expect(await rows('attempt_id')).toEqual([{ attempt_id: 'other' }]);
    });

    it('twice, however many write it at once', async () => {
      await create();
      const results = await Promise.all(Array.from({ length: 8 }, async () => write(open)));
      expect(results.filter((result) => result === 'inserted')).toHaveLength(1);
      expect(results.filter((result) => result === 'attempt_exists')).toHaveLength(7);
    });
  });

  it('beside a granted claim that still has its place by the index, though its window is over', async () => {
    await createGateTable();
    await run(others('granted', `now() - interval '1 day'`));
    expect(await write(open)).toBe('live_elsewhere');
    await run('drop index shop.live_claim');
    expect(await write(open)).toBe('inserted');
  });

  it('beside a granted claim whose window nobody knows', async () => {
    await createRightTable({ expires_at: 'timestamptz' });
    await run(others('granted', 'null'));
    expect(await write(open)).toBe('live_elsewhere');
  });

  it.each<[string, Partial<OpenClaim>, Changes, string]>([
    [
      'another key',
      { columns: { uid: 2 } },
      {},
      'its columns are of gift:2 with the value a1, not of gift:1 with a1',
    ],
    [
      'another value',
      { markerValue: 'a2' },
      {},
      'its columns are of gift:1 with the value a1, not of gift:1 with a2',
    ],
    ['half a key', { columns: {} }, {}, 'it does not hold uid (marker.key)'],
    ['no key', { columns: { uid: null, note: 'x' } }, {}, 'null value in column "uid"'],
    ['no such column', { columns: { uid: 1, nowhere: 1 } }, {}, 'column "nowhere" of relation'],
    ['a value of another type', { columns: { uid: 'one' } }, {}, 'invalid input syntax for type bigint'],
    [
      'a window that is no time',
      { expiresAtMs: Number.POSITIVE_INFINITY },
      {},
      'cannot end or begin at Infinity',
    ],
    ['a window beyond the years', { expiresAtMs: Date.UTC(10_001, 1, 1) }, {}, 'cannot end or begin at'],
    [
      'no word to write',
      {},
      { statuses: { granted: [] } },
      'statuses.granted of the source gifts names no word',
    ],
  ])('from an entry that has %s', async (_what, part, changes, words) => {
    await createGateTable({ note: 'text' });
    await expect(write({ ...open, ...part }, changes)).rejects.toThrow(words);
    expect(await rows()).toEqual([]);
  });

  it('where any value will do, another value of the entry does not matter', async () => {
    await createGateTable();
    expect(await write({ ...open, markerValue: '1' }, { value: null })).toBe('inserted');
  });
});
