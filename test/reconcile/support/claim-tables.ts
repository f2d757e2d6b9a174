/**
 * The application that the tests watch: gift claims, whose marker names the attempt and lives for a day, and order
 * grabs, whose marker holds a driver and lives for a minute.
 * Does not hold a mode or a policy back: a test changes the rules of a source where it needs others.
 */
import type { Source, SourceRules } from '../../../src/domain/source.ts';
import { parseTemplate } from '../../../src/domain/template.ts';
import { defaultPolicy } from '../../../src/domain/verdict.ts';

export const dayMs = 86_400_000;
export const orderWindowMs = 60_000;
/** Tiny, so that tests need not wait; what it keeps away is shown by holding transactions open. */
export const graceMs = 20;

const stamped = (table: string): string => `
  create index ${table}_change on ${table} (change_xid, id);
  create trigger stamp_change before insert or update on ${table}
    for each row execute function reconciler.stamp_change();
  alter table ${table} enable always trigger stamp_change;`;

export const claimTablesSql = `
  create table gift_claim (
    id bigint generated always as identity primary key,
    uid bigint not null,
    attempt_id text unique,
    status text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    change_xid xid8 not null default pg_current_xact_id()
  );
  create index gift_claim_marker on gift_claim (uid);
  ${stamped('gift_claim')}
  create table order_grab (
    id bigint generated always as identity primary key,
    order_id bigint not null,
    driver_id bigint not null,
    status text not null,
    grabbed_at timestamptz not null default now(),
    change_xid xid8 not null default pg_current_xact_id()
  );
  create index order_grab_marker on order_grab (order_id);
  ${stamped('order_grab')}`;

const rules: SourceRules = {
  mode: 'repair',
  policy: defaultPolicy,
  toleranceMs: 60_000,
  valueNamesAttempt: true,
  graceMs,
  brake: { repairsPerPlan: 1_000, repairsPerHour: 10_000, share: 1, shareSample: 1_000 },
  notGranted: 'grant',
};

export const giftSource: Source = {
  name: 'gifts',
  table: { schema: 'public', name: 'gift_claim' },
  columns: {
    id: 'id',
    attempt: 'attempt_id',
    status: 'status',
    change: 'change_xid',
    expiry: { expiresAt: 'expires_at' },
  },
  marker: { key: parseTemplate('gift:{uid}'), value: parseTemplate('{attempt_id}') },
  statuses: { pending: ['pending'], granted: ['granted'], released: ['failed', 'revoked'] },
  rules,
  distributor: null,
  schedule: '0 0 1 1 *',
  rewindMs: 3_600_000,
};

export const orderSource: Source = {
  name: 'orders',
  table: { schema: 'public', name: 'order_grab' },
  columns: {
    id: 'id',
    attempt: 'driver_id',
    status: 'status',
    change: 'change_xid',
    expiry: { createdAt: 'grabbed_at', ttlMs: orderWindowMs },
  },
  marker: { key: parseTemplate('order:{order_id}'), value: parseTemplate('{driver_id}') },
  statuses: { pending: ['pending'], granted: ['grabbed'], released: ['released'] },
  rules: { ...rules, toleranceMs: 5_000, valueNamesAttempt: false },
  distributor: null,
  schedule: '0 0 1 1 *',
  rewindMs: 3_600_000,
};
