/**
 * What the demo watches: a table of gift claims and one of order grabs, as `reconciler.config.yaml` describes them, with
 * a short grace period and a fast schedule so that a person need not wait.
 */
import type { Config } from '../config.ts';
import { readingDefaults } from '../config/reading-schema.ts';
import { defaultRunbook } from '../domain/alert-message.ts';
import type { Source, SourceRules } from '../domain/source.ts';
import { parseTemplate } from '../domain/template.ts';
import { defaultPolicy } from '../domain/verdict.ts';

export const giftSource = 'gifts';
export const orderSource = 'orders';

const rules: SourceRules = {
  mode: 'repair',
  policy: defaultPolicy,
  toleranceMs: 60_000,
  valueNamesAttempt: true,
  graceMs: 1_000,
  // The demo injects drift into 2 % of the claims and means to repair it all at once.
  brake: { repairsPerPlan: 20_000, repairsPerHour: 50_000, share: 0.1, shareSample: 200 },
  notGranted: 'grant',
};

/** @param prefix comes before every marker key, so that a demo on a Redis in use touches nothing else */
function demoSources(prefix: string): readonly Source[] {
  return [
    {
      name: giftSource,
      table: { schema: 'public', name: 'gift_claim' },
      columns: {
        id: 'id',
        attempt: 'attempt_id',
        status: 'status',
        change: 'change_xid',
        expiry: { expiresAt: 'expires_at' },
      },
      marker: {
        key: parseTemplate(`${prefix}gift:{activity_id}:{gift_id}:{uid}`),
        value: parseTemplate('{attempt_id}'),
      },
      statuses: { pending: ['pending'], granted: ['granted'], released: ['failed', 'revoked'] },
      rules,
      distributor: null,
      schedule: '*/2 * * * * *',
      rewindMs: 3_600_000,
    },
    {
      name: orderSource,
      table: { schema: 'public', name: 'order_grab' },
      columns: {
        id: 'id',
        attempt: 'id',
        status: 'status',
        change: 'change_xid',
        expiry: { createdAt: 'grabbed_at', ttlMs: 30_000 },
      },
      marker: { key: parseTemplate(`${prefix}order:{order_id}`), value: parseTemplate('{driver_id}') },
      statuses: { pending: ['pending'], granted: ['grabbed'], released: ['released'] },
      rules: { ...rules, toleranceMs: 3_000, valueNamesAttempt: false },
      distributor: null,
      schedule: '*/2 * * * * *',
      rewindMs: 3_600_000,
    },
  ];
}

export function demoConfig(
  {
    databaseUrl,
    redisUrl,
    prefix,
  }: { readonly databaseUrl: string; readonly redisUrl: string; readonly prefix: string },
  port: number,
): Config {
  return {
    database: { url: databaseUrl },
    markerRedis: { url: redisUrl },
    queueRedis: { url: redisUrl },
    http: { host: '127.0.0.1', port, credentials: [], readOnly: false },
    log: { level: 'fatal' },
    timezone: 'UTC',
    reading: { rowsPerSecond: null, pauseAboveMs: null, chunks: readingDefaults.chunks },
    alerts: { receivers: [], runbook: defaultRunbook },
    canary: null,
    sources: demoSources(prefix),
  };
}
