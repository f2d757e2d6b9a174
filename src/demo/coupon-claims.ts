/**
 * Real coupon claims from a CSV file (User_id,Merchant_id,Coupon_id,Discount_rate,Distance,Date_received), plain or
 * gzipped. The first claim of a user on a coupon is granted, later ones are released.
 * Invariant kept: a line that cannot be understood is refused with its number; none is left out silently.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { OperatingError } from '../domain/operating-error.ts';
import type { DemoClaim } from './synthetic-claims.ts';

const columns = 'User_id,Merchant_id,Coupon_id,Discount_rate,Distance,Date_received';
const problemsShown = 10;

/** Throws `configuration` when the file cannot be read, with the first lines at fault when they cannot be understood. */
export async function readCouponClaims(path: string): Promise<DemoClaim[]> {
  const seen = new Set<string>();
  const claims: DemoClaim[] = [];
  const problems: string[] = [];
  let number = 0;
  try {
    for await (const line of createInterface({ input: open(path), crlfDelay: Infinity })) {
      number += 1;
      if (number === 1) {
        if (line.trim() !== columns) throw refuse(path, [`line 1: expected the columns ${columns}`]);
        continue;
      }
      if (line === '') continue;
      const [user = '', , coupon = '', , , received = ''] = line.split(',');
      if (!/^\d+$/.test(user) || !/^\d+$/.test(coupon) || !/^\d{8}$/.test(received)) {
        problems.push(
          `line ${number}: User_id, Coupon_id and Date_received must be numbers: ${line.slice(0, 80)}`,
        );
        continue;
      }
      const pair = `${coupon}:${user}`;
      const status = seen.has(pair) ? 'failed' : 'granted';
      seen.add(pair);
      claims.push({ activityId: Number(received.slice(0, 6)), giftId: coupon, uid: user, status });
    }
  } catch (error) {
    if (error instanceof OperatingError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperatingError('configuration', `The claims in ${path} cannot be read: ${reason}`, {
      cause: error,
    });
  }
  if (problems.length > 0) throw refuse(path, problems);
  if (claims.length === 0) throw refuse(path, ['it holds no claims']);
  return claims;
}

function open(path: string): Readable {
  const file = createReadStream(path);
  if (!path.endsWith('.gz')) return file;
  const text = createGunzip();
  file.on('error', (error) => text.destroy(error));
  return file.pipe(text);
}

function refuse(path: string, problems: readonly string[]): OperatingError {
  const more = problems.length > problemsShown ? [`… and ${problems.length - problemsShown} more`] : [];
  return new OperatingError(
    'configuration',
    `The claims in ${path} cannot be used:\n${[...problems.slice(0, problemsShown), ...more].map((line) => `  - ${line}`).join('\n')}`,
  );
}
