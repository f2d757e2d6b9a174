/**
 * The claim tables that gates write in tests: gifts by integer ids, coupons by texts, order grabs whose marker holds a
 * driver and lives for half a minute.
 */
import type { Source } from '../../../src/domain/source.ts';
import { parseTemplate } from '../../../src/domain/template.ts';
import { defaultPolicy } from '../../../src/domain/verdict.ts';

export const dayMs = 86_400_000;
export const grabWindowMs = 30_000;

const claimTable = (name: string, columns: string, key: string): string => `
  create table ${name} (
    id bigint generated always as identity primary key,
    ${columns},
    attempt_id text not null unique,
    status text not null,
    change_xid xid8 not null default pg_current_xact_id()
  );
  create unique index ${name}_live on ${name} (${key}) where status in ('pending', 'granted');
  create index ${name}_change on ${name} (change_xid, id);
  create trigger stamp_change before insert or update on ${name}
    for each row execute function reconciler.stamp_change();
  alter table ${name} enable always trigger stamp_change;`;

export const claimTablesSql = [
  claimTable(
    'gift_claim',
    `activity_id integer not null, gift_id smallint not null, uid bigint not null,
     note text check (note <> 'forbidden'), expires_at timestamptz not null`,
    'activity_id, gift_id, uid',
  ),
  claimTable(
    'coupon_claim',
    'shop text not null, code text not null, expires_at timestamptz not null',
    'shop, code',
  ),
  claimTable(
    'order_grab',
    'order_id bigint not null, driver_id bigint not null, grabbed_at timestamptz not null',
    'order_id',
  ),
].join('\n');

const base: Pick<Source, 'statuses' | 'rules' | 'distributor' | 'schedule' | 'rewindMs'> = {
  statuses: { pending: ['pending'], granted: ['granted'], released: ['failed', 'revoked'] },
  rules: {
    mode: 'repair',
    policy: defaultPolicy,
    toleranceMs: 60_000,
    valueNamesAttempt: true,
    graceMs: 60_000,
    brake: { repairsPerPlan: 500, repairsPerHour: 2_000, share: 1, shareSample: 200 },
    notGranted: 'grant',
  },
  distributor: null,
  schedule: '*/10 * * * * *',
  rewindMs: 3_600_000,
};
const columns = { id: 'id', attempt: 'attempt_id', status: 'status', change: 'change_xid' };

export const giftSource: Source = {
  ...base,
  name: 'gifts',
  table: { schema: 'public', name: 'gift_claim' },
  columns: { ...columns, expiry: { expiresAt: 'expires_at' } },
  marker: {
    key: parseTemplate('gift:{activity_id}:{gift_id}:{uid}'),
    value: parseTemplate('{attempt_id}'),
  },
};

export const couponSource: Source = {
  ...base,
  name: 'coupons',
  table: { schema: 'public', name: 'coupon_claim' },
  columns: { ...columns, expiry: { expiresAt: 'expires_at' } },
  marker: { key: parseTemplate('coupon:{shop}:{code}'), value: null },
};

export const grabSource: Source = {
  ...base,
  name: 'grabs',
  table: { schema: 'public', name: 'order_grab' },
  columns: { ...columns, expiry: { createdAt: 'grabbed_at', ttlMs: grabWindowMs } },
  marker: { key: parseTemplate('order:{order_id}'), value: parseTemplate('{driver_id}') },
  rules: { ...base.rules, valueNamesAttempt: false },
};
