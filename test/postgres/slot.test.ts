/**
 * The ledger of slots: each handed out once, by the database's clock, to nobody whose term is over.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/postgres/migrate.ts';
import { claimSlot, type SlotClaim, type SlotRequest } from '../../src/postgres/slot.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
  await migrate(database.pool);
});
afterAll(async () => database.drop());
beforeEach(async () => {
  await database.pool.query('truncate reconciler.slot');
});

async function claim(request: Partial<SlotRequest> = {}): Promise<SlotClaim> {
  return claimSlot(database.pool, {
    task: 'gifts',
    minGapMs: 5_000,
    holder: 'me',
    fencingToken: '7',
    ...request,
  });
}

/** A slot this many seconds from now, as an earlier holder would have left it. */
async function leave(secondsFromNow: number, fencingToken = '7', task = 'gifts'): Promise<void> {
  await database.pool.query(
    `insert into reconciler.slot (task, slot, holder, fencing_token)
     values ($1, date_trunc('second', clock_timestamp() + interval '0.5 s') + $2 * interval '1 second', 'before', $3)`,
    [task, secondsFromNow, fencingToken],
  );
}

async function countSlots(): Promise<number> {
  const { rows } = await database.pool.query<{ count: string }>('select count(*) from reconciler.slot');
  return Number(rows[0]?.count);
}

describe('claiming', () => {
  it('names the slot after the database’s time, to the second', async () => {
    const { rows } = await database.pool.query<{ before: Date }>('select clock_timestamp() as before');
    const claimed = await claim();
    expect(claimed.kind).toBe('claimed');
    if (claimed.kind !== 'claimed') return;
    expect(claimed.slot.getMilliseconds()).toBe(0);
    // Rounded, it may lie half a second before what was read first.
    expect(claimed.slot.getTime()).toBeGreaterThanOrEqual((rows[0]?.before.getTime() ?? 0) - 500);
    const stored = await database.pool.query('select task, slot, holder, fencing_token from reconciler.slot');
    expect(stored.rows).toEqual([{ task: 'gifts', slot: claimed.slot, holder: 'me', fencing_token: '7' }]);
  });

  it('hands one slot to one of 20 who fire at the same time', async () => {
    const claims = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => claim({ holder: `replica ${index}` })),
    );
    expect(claims.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
    expect(claims.filter(({ kind }) => kind === 'taken')).toHaveLength(19);
    expect(await countSlots()).toBe(1);
  });

  it('is refused within the gap of another slot, on either side, and allowed at its end', async () => {
    await leave(-3);
    expect(await claim()).toMatchObject({ kind: 'taken', holder: 'before' });
    await database.pool.query('truncate reconciler.slot');
    await leave(3);
    expect(await claim()).toMatchObject({ kind: 'taken' });
    await database.pool.query('truncate reconciler.slot');
    await leave(-6);
    expect(await claim()).toMatchObject({ kind: 'claimed' });
  });

  it('takes names as they are, whatever is in them', async () => {
    const task = `it's "a" :token \\ task; drop table reconciler.slot; --`;
    expect(await claim({ task, holder: task })).toMatchObject({ kind: 'claimed' });
    expect(await claim({ task })).toMatchObject({ kind: 'taken', holder: task });
    const { rows } = await database.pool.query('select task, holder from reconciler.slot');
    expect(rows).toEqual([{ task, holder: task }]);
  });

  it('keeps tasks apart', async () => {
    await leave(0, '9', 'orders');
    expect(await claim()).toMatchObject({ kind: 'claimed' });
  });

  it('never takes the same second twice, even without a gap', async () => {
    const claims = [await claim({ minGapMs: 0 }), await claim({ minGapMs: 0 })];
    const slots = claims.flatMap((claimed) => (claimed.kind === 'claimed' ? [claimed.slot.getTime()] : []));
    expect(new Set(slots).size).toBe(slots.length);
  });
});

describe('fencing', () => {
  it('refuses a token that is older than the newest one seen for the task', async () => {
    await leave(-60, '8');
    expect(await claim()).toEqual({ kind: 'fenced_out', newestToken: '8', holder: 'before' });
    expect(await countSlots()).toBe(1);
  });

  it('compares tokens as numbers', async () => {
    await leave(-60, '9');
    expect(await claim({ fencingToken: '10' })).toMatchObject({ kind: 'claimed' });
  });
});

describe('the clock of the database', () => {
  it('went forward and back: a slot that it left in the future starves nobody', async () => {
    await leave(3_600);
    expect(await claim()).toMatchObject({ kind: 'claimed' });
  });

  it('went back by an hour: the slots of that hour are forgotten, and do not refuse each new one', async () => {
    await database.pool.query(
      `insert into reconciler.slot (task, slot, holder, fencing_token)
       select 'gifts', date_trunc('second', clock_timestamp()) + second * interval '1 second', 'before', 7
       from generate_series(0, 3600, 30) as second`,
    );
    // The first is refused by the one beside it; the rest of the hour is swept out of the way.
    expect(await claim()).toMatchObject({ kind: 'taken' });
    expect(await countSlots()).toBe(1);
  });

  it('goes on: old slots are forgotten, but for the newest', async () => {
    const day = 24 * 3600;
    for (const days of [30, 20, 10]) await leave(-days * day);
    expect(await claim()).toMatchObject({ kind: 'claimed' });
    expect(await countSlots()).toBe(2);
  });
});
