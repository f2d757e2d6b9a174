/**
 * Input that is wrong touches nothing, and is told all at once; input that only looks wrong is claimed as it is, under a
 * marker that is its own.
 */
import { describe, expect, it } from 'vitest';
import { OperatingError } from '../../src/domain/operating-error.ts';
import type { ClaimRequest } from '../../src/gate/gate.ts';
import { couponSource } from './support/claim-tables.ts';
import { useGates } from './support/use-gates.ts';

const gates = useGates();
const gift = { activity_id: 7, gift_id: 1, uid: 100_180 };

async function expectUntouched(): Promise<void> {
  expect(await gates.client().dbsize()).toBe(0);
  for (const table of ['gift_claim', 'coupon_claim']) expect(await gates.rows(table)).toEqual([]);
}

describe('what is wrong', () => {
  it('is told all at once, and nothing is touched', async () => {
    const gate = await gates.open();
    const columns = { uid: 1.5, gift_id: 40_000, status: 'granted', colour: 'red' };
    const claiming = gate.claim({ columns, attempt: '', ttlMs: -1 });
    await expect(claiming).rejects.toMatchObject({
      code: 'bad_claim',
      message: [
        'The claim on gifts is wrong; nothing was touched:',
        '  - uid: must be an integer from -9223372036854775808 to 9223372036854775807, as a number, a bigint or decimal text; it is 1.5',
        '  - gift_id: must be an integer from -32768 to 32767, as a number, a bigint or decimal text; it is 40000',
        '  - status: is set by the gate; leave it out',
        '  - colour: is no column of the table',
        '  - activity_id: is missing',
        '  - attempt: must be a text that is not empty; it is ""',
        '  - ttlMs: must be milliseconds, above 0 and at most 100 years; it is -1',
      ].join('\n'),
    });
    await expectUntouched();
    expect(gate.distributor.asked).toEqual([]);
  });

  it.each([
    ['null in the key', { columns: { ...gift, uid: null } }],
    ['what was not set', { columns: { ...gift, uid: undefined } }],
    ['no number', { columns: { ...gift, uid: Number.NaN } }],
    ['an id that a number cannot hold', { columns: { ...gift, uid: 2 ** 60 } }],
    ['an id beyond its type', { columns: { ...gift, uid: 2n ** 63n } }],
    ['an id with a blank', { columns: { ...gift, uid: ' 7' } }],
    ['a text that Postgres cannot hold', { columns: { ...gift, note: 'x\u0000' } }],
    ['half of an emoji', { columns: { ...gift, note: '\uD83C' } }],
    ['10 kB', { columns: { ...gift, note: 'x'.repeat(10_240) } }],
    ['an id that Postgres makes', { columns: { ...gift, id: 5 } }],
    ['its own window', { columns: { ...gift, expires_at: '2100-01-01' } }],
    ['an attempt that is no text', { columns: gift, attempt: 7 }],
    ['an attempt of 10 kB', { columns: gift, attempt: 'x'.repeat(10_240) }],
    ['a window without an end', { columns: gift, ttlMs: Infinity }],
    ['a window that is over', { columns: gift, expiresAt: new Date(0) }],
    ['two windows', { columns: gift, ttlMs: 5, expiresAt: new Date('2100-01-01') }],
    ['an attempt that is null', { columns: gift, attempt: null }],
    ['something else', { columns: gift, expireAt: new Date('2100-01-01') }],
    ['nothing', {}],
  ])('is %s', async (_, request) => {
    const gate = await gates.open();
    const claiming = gate.claim(request as ClaimRequest);
    await expect(claiming).rejects.toMatchObject({ name: 'OperatingError', code: 'bad_claim' });
    await expectUntouched();
  });

  it.each<[unknown]>([[null], [undefined], ['a1'], [[]]])('is a claim that is %j', async (request) => {
    const gate = await gates.open();
    const claiming = gate.claim(request as ClaimRequest);
    await expect(claiming).rejects.toMatchObject({ name: 'OperatingError', code: 'bad_claim' });
    await expectUntouched();
  });

  it('is told by Postgres where only Postgres knows: the marker is given back', async () => {
    const gate = await gates.open();
    const claiming = gate.claim({ columns: { ...gift, note: 'forbidden' } });
    await expect(claiming).rejects.toMatchObject({
      code: 'bad_claim',
      message: expect.stringMatching(/gift:7:1:100180.*nothing was handed out.*gift_claim_note_check/),
    });
    expect(gate.distributor.asked).toEqual([]);
    await expectUntouched();
  });
});

describe('a text', () => {
  it.each([
    '{uid}',
    'a b',
    '🎁',
    '\n',
    '"',
    `'; drop table coupon_claim; --`,
    '*',
    'x'.repeat(512),
    '\uFEFFx',
    'é',
  ])('as odd as %j has a marker of its own, and comes back from Postgres as it was', async (code) => {
    const gate = await gates.open({ source: couponSource });
    expect(await gate.claim({ attempt: 'a1', columns: { shop: 'north', code } })).toMatchObject({
      kind: 'granted',
    });
    expect(await gates.client().get(`coupon:north:${code}`)).toBe('a1');
    expect((await gates.rows('coupon_claim'))[0]).toMatchObject({ shop: 'north', code });
    expect(gate.distributor.asked[0]?.claim).toMatchObject({ code });
  });

  it('cannot make two coupons share a marker: the colon is refused where it would', async () => {
    const gate = await gates.open({ source: couponSource });
    const attempts = [
      { shop: 'a:b', code: 'c' },
      { shop: 'a', code: 'b:c' },
    ].map(async (columns) => gate.claim({ columns }));
    const [first, second] = await Promise.allSettled(attempts);
    const refused = [first, second].filter((end) => end?.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({
      reason: {
        code: 'bad_claim',
        message: expect.stringMatching(/must not contain ":": another claim could/),
      },
    });
    expect(await gates.rows('coupon_claim')).toHaveLength(1);
  });

  it('is refused by a gate only: the error is of the class that applications know', async () => {
    const gate = await gates.open({ source: couponSource });
    await expect(gate.claim({ columns: { shop: null, code: 'c' } })).rejects.toBeInstanceOf(OperatingError);
  });
});
