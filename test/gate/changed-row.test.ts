/**
 * Postgres does not keep what was inserted, or takes two texts for one: whatever is handed out is handed out under the
 * attempt that its row names, and for the marker that its row maps to.
 */
import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { couponSource } from './support/claim-tables.ts';
import { useGates } from './support/use-gates.ts';
import { watchedCalls } from './support/watched-calls.ts';

const gates = useGates();
const gift = { activity_id: 7, gift_id: 1, uid: 100_180 };
const coupon = { shop: 'corner', code: 'abc' };

/** Runs `work` while a trigger changes each row that is inserted. */
async function whileChanged(table: string, change: string, work: () => Promise<void>): Promise<void> {
  const pool = gates.pool();
  await pool.query(`create function change_row() returns trigger language plpgsql as
    $body$ begin ${change}; return new; end $body$;
    create trigger a_change before insert on ${table} for each row execute function change_row()`);
  try {
    await work();
  } finally {
    await pool.query(`drop trigger a_change on ${table}; drop function change_row()`);
  }
}

describe('a row that is not what was meant', () => {
  it('because a trigger changed a column of the marker ends at once, with row and marker released', async () => {
    await whileChanged('gift_claim', 'new.uid := new.uid + 1', async () => {
      const gate = await gates.open();
      await expect(gate.claim({ attempt: 'a1', columns: gift })).rejects.toMatchObject({
        code: 'configuration',
        message: expect.stringMatching(
          /gift:7:1:100181 \(a1\) and the attempt a1, and gift:7:1:100180 \(a1\) and a1 were meant.*was released/,
        ),
      });
      expect(gate.distributor.asked).toEqual([]);
      expect((await gates.rows()).map(({ status }) => status)).toEqual(['failed']);
      await waitFor(async () => (await gates.client().dbsize()) === 0, { what: 'the marker to be gone' });
    });
  });

  it('and was granted by the reconciler meanwhile, is unknown', async () => {
    const calls = watchedCalls();
    const gate = await gates.open({ calls });
    calls.replace(3, async (release) => {
      await gates.pool().query(`update gift_claim set status = 'granted'`);
      return release();
    });
    await whileChanged('gift_claim', 'new.uid := new.uid + 1', async () => {
      // A script that the server does not know yet takes two calls.
      await (await gates.open()).claim({ columns: { ...gift, uid: 1 } }).catch(() => undefined);
      expect(await gate.claim({ attempt: 'a1', columns: gift })).toMatchObject({ kind: 'unknown' });
    });
    expect(await gates.listed()).toEqual(['a1']);
  });

  // The reconciler would ask the distributor about the attempt of the row, and have it granted a second time.
  it('because a trigger chose another attempt is never handed out', async () => {
    await whileChanged('coupon_claim', 'new.attempt_id := gen_random_uuid()', async () => {
      const gate = await gates.open({ source: couponSource });
      await expect(gate.claim({ attempt: 'a1', columns: coupon })).rejects.toMatchObject({
        code: 'configuration',
        message: expect.stringContaining('(a1) and a1 were meant'),
      });
      expect(gate.distributor.asked).toEqual([]);
      expect((await gates.rows('coupon_claim')).map(({ status }) => status)).toEqual(['failed']);
    });
  });

  it('because the column cut off blanks of the attempt is never handed out', async () => {
    const pool = gates.pool();
    await pool.query('alter table coupon_claim alter column attempt_id type varchar(8)');
    try {
      const gate = await gates.open({ source: couponSource });
      const claiming = gate.claim({ attempt: 'a2345678  ', columns: coupon });
      await expect(claiming).rejects.toMatchObject({ code: 'configuration' });
      expect(gate.distributor.asked).toEqual([]);
    } finally {
      await pool.query('alter table coupon_claim alter column attempt_id type text');
    }
  });
});

describe('two texts that a collation takes for one', () => {
  it('are one thing: the second is lost to the first, and leaves no marker', async () => {
    const pool = gates.pool();
    await pool.query(`create collation caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      alter table coupon_claim alter column code type text collate caseless`);
    try {
      const gate = await gates.open({ source: couponSource });
      expect(await gate.claim({ attempt: 'a1', columns: coupon })).toMatchObject({ kind: 'granted' });
      expect(await gate.claim({ attempt: 'a2', columns: { ...coupon, code: 'ABC' } })).toEqual({
        kind: 'already_claimed',
        holder: 'a1',
      });
      await gate.finish();
      expect(await gates.client().keys('coupon:*')).toEqual(['coupon:corner:abc']);
    } finally {
      await pool.query('alter table coupon_claim alter column code type text collate "default"');
    }
  });
});
