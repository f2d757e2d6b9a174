/**
 * Configuration files for a world of `test/reconcile/support`: its two claim tables, as a person would describe them.
 */
import type { World } from '../../reconcile/support/world.ts';

export interface ShopSettings {
  readonly mode?: 'observe' | 'repair';
  readonly grace?: string;
  readonly schedule?: string;
  readonly table?: string;
  /** Lines of the section `brake` of the gifts, in braces. */
  readonly brake?: string;
  readonly markersUrl?: string;
  readonly queueUrl?: string;
  readonly databaseUrl?: string;
  /** The section `http`, in braces. */
  readonly http?: string;
  /** The section `reading`, in braces. */
  readonly reading?: string;
  /** The section `alerts`, in braces. */
  readonly alerts?: string;
  /** The section `canary`, in braces; none unless given. */
  readonly canary?: string;
  /** The section `distributor` of the gifts, in braces. */
  readonly distributor?: string;
}

/** YAML with the source `gifts`, and `orders` behind it when asked for. */
export function shopConfig(
  world: Pick<World, 'databaseUrl' | 'redisUrl'>,
  settings: ShopSettings = {},
  withOrders = false,
): string {
  const {
    mode = 'repair',
    grace = '20ms',
    schedule = '0 0 1 1 *',
    table = 'gift_claim',
    brake = '{ repairsPerPlan: 1000, repairsPerHour: 10000, share: 100%, shareSample: 1000 }',
    databaseUrl = world.databaseUrl,
    markersUrl = world.redisUrl,
    queueUrl = world.redisUrl,
    http = '{ port: 0 }',
    alerts = '{}',
    reading = '{}',
    canary,
    distributor = 'null',
  } = settings;
  const orders = `
  orders:
    table: order_grab
    columns: { id: id, attempt: driver_id, status: status, createdAt: grabbed_at }
    marker: { key: 'order:{order_id}', value: '{driver_id}', ttl: 60s, tolerance: 5s }
    statuses: { pending: pending, granted: grabbed, released: released }
    mode: ${mode}
    grace: ${grace}
    schedule: '${schedule}'
    brake: ${brake}
`;
  return `
database: { url: '${databaseUrl}' }
markerRedis: { url: '${markersUrl}' }
queueRedis: { url: '${queueUrl}' }
http: ${http}
alerts: ${alerts}
reading: ${reading}
${canary === undefined ? '' : `canary: ${canary}`}
sources:
  gifts:
    table: ${table}
    columns: { id: id, attempt: attempt_id, status: status, expiresAt: expires_at }
    marker: { key: 'gift:{uid}', value: '{attempt_id}', tolerance: 1m }
    statuses: { pending: pending, granted: granted, released: [failed, revoked] }
    mode: ${mode}
    grace: ${grace}
    schedule: '${schedule}'
    brake: ${brake}
    distributor: ${distributor}
${withOrders ? orders : ''}`;
}
