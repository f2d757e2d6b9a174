/**
 * Real coupon claims from a file: each line becomes a claim, or the file is refused with the lines that do not.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCouponClaims } from '../../src/demo/coupon-claims.ts';
import { OperatingError } from '../../src/domain/operating-error.ts';

const header = 'User_id,Merchant_id,Coupon_id,Discount_rate,Distance,Date_received';
const lines = [
  '1439408,2632,8591,20:1,0,20160217',
  '1439408,2632,8591,20:1,0,20160319',
  '1832624,3381,7610,200:20,null,20160429',
  '1439408,2632,7610,20:1,0,20160217',
];
const claims = [
  { activityId: 201602, giftId: '8591', uid: '1439408', status: 'granted' },
  { activityId: 201603, giftId: '8591', uid: '1439408', status: 'failed' },
  { activityId: 201604, giftId: '7610', uid: '1832624', status: 'granted' },
  { activityId: 201602, giftId: '7610', uid: '1439408', status: 'granted' },
];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coupon-claims-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

async function write(content: string | Buffer, name = 'claims.csv'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** What is said about a file that must be refused. */
async function complaintOf(path: string): Promise<string> {
  try {
    await readCouponClaims(path);
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'configuration') return error.message;
    throw error;
  }
  throw new Error('the file was taken');
}

describe('a file of claims', () => {
  it.each([
    ['plain', 'claims.csv', `${header}\n${lines.join('\n')}\n`],
    ['without a line break at its end', 'claims.csv', `${header}\n${lines.join('\n')}`],
    ['with the line breaks of Windows', 'claims.csv', `${header}\r\n${lines.join('\r\n')}\r\n`],
    ['with empty lines', 'claims.csv', `${header}\n\n${lines.join('\n\n')}\n\n`],
    ['gzipped', 'claims.csv.gz', gzipSync(`${header}\n${lines.join('\n')}\n`)],
  ])('%s gives its claims; the second of a user on a coupon is refused', async (_, name, content) => {
    expect(await readCouponClaims(await write(content, name))).toEqual(claims);
  });

  it('is refused for other columns, naming those it needs', async () => {
    const complaint = await complaintOf(await write(`user,coupon\n${lines.join('\n')}`));
    expect(complaint).toContain(`line 1: expected the columns ${header}`);
    expect(complaint).toContain(join(folder, 'claims.csv'));
  });

  it('is refused for lines that are no claims, each with its number', async () => {
    const bad = ['x,1,2,3,4,20160101', '1,1,null,3,4,20160101', '1,1,2,3,4,null', '1,1'];
    const complaint = await complaintOf(await write([header, lines[0], ...bad, lines[1]].join('\n')));
    const [head, ...rest] = complaint.split('\n');
    expect(head).toMatch(/^The claims in .+claims\.csv cannot be used:$/);
    expect(rest).toEqual(
      bad.map(
        (line, at) =>
          `  - line ${at + 3}: User_id, Coupon_id and Date_received must be numbers: ${line.slice(0, 80)}`,
      ),
    );
  });

  it('is refused with ten of its bad lines, and how many more there are', async () => {
    const bad = Array.from({ length: 25 }, (_, at) => `bad-${at}`);
    const complaint = (await complaintOf(await write([header, ...bad].join('\n')))).split('\n');
    expect(complaint).toHaveLength(12);
    expect(complaint.at(-1)).toBe('  - … and 15 more');
  });

  it('is refused when it holds no claims', async () => {
    expect(await complaintOf(await write(`${header}\n`))).toContain('it holds no claims');
    expect(await complaintOf(await write(''))).toContain('it holds no claims');
    expect(await complaintOf(await write(gzipSync(header), 'claims.csv.gz'))).toContain('it holds no claims');
  });

  it.each(['claims.csv', 'claims.csv.gz'])('is refused when it is not there (%s)', async (name) => {
    const path = join(folder, 'nowhere', name);
    expect(await complaintOf(path)).toMatch(/^The claims in .+ cannot be read: ENOENT/);
  });

  it('is refused when it is a folder, or is called .gz and is none, or is cut off', async () => {
    expect(await complaintOf(folder)).toContain('cannot be read');
    expect(await complaintOf(await write(header, 'plain.csv.gz'))).toContain('cannot be read');
    const cut = gzipSync(`${header}\n${lines.join('\n')}`).subarray(0, -10);
    expect(await complaintOf(await write(cut, 'cut.csv.gz'))).toContain('cannot be read');
  });
});
