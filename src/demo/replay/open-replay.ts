/**
 * What a replay needs, opened in order: servers, a database with the gate's index, a distributor, the daemon, the gate.
 */
import { startDaemon, type Daemon } from '../../app/daemon.ts';
import { createLog } from '../../app/log.ts';
import type { OpenParts } from '../../app/open-parts.ts';
import type { Config } from '../../config.ts';
import { createHttpDistributor } from '../../distributor/http-distributor.ts';
import type { Source } from '../../domain/source.ts';
import { bootServers } from '../../embedded/boot-servers.ts';
import { createGate } from '../../gate/gate.ts';
import { openClaimTable } from '../../postgres/claim-table.ts';
import { startDemoDistributor, type DemoDistributor } from '../demo-distributor.ts';
import { demoConfig, giftSource } from '../demo-source.ts';
import { openDemoStores, type OpenDemoStores } from '../demo-stores.ts';
import type { DemoOptions } from '../run-demo.ts';
import { CrashPoints } from './crash-points.ts';
import type { Stage } from './play-claims.ts';
import type { ReplayView } from './replay-view.ts';

export interface Replay {
  readonly stores: OpenDemoStores;
  readonly config: Config;
  readonly daemon: Daemon;
  readonly distributor: DemoDistributor;
  readonly stage: Stage;
  /** Null where Redis was given. */
  readonly loseRedis: (() => Promise<void>) | null;
  /** Passes that were told already. */
  readonly told: Set<string>;
}

/** Above every time-out, so that a claim is in doubt only if something went wrong with it. */
const graceMs = 5_000;
const distributorTimeoutMs = 1_500;
const giftWindowMs = 180 * 86_400_000;
const concurrency = 48;

export async function openReplay(options: DemoOptions, view: ReplayView, parts: OpenParts): Promise<Replay> {
  view.step('servers, distributor, daemon');
  const servers = await bootServers({ env: options.env, say: (line) => view.note(line) });
  parts.add(() => servers.stop());
  const stores = await openDemoStores(servers);
  parts.add(() => stores.close());
  await stores.pool.query(
    `create unique index on gift_claim (activity_id, gift_id, uid) where status in ('pending', 'granted')`,
  );
  const distributor = await startDemoDistributor();
  parts.add(() => distributor.close());
  const config = replayConfig(stores, distributor.url);
  const daemon = await openDaemon(config, stores, parts);
  const stage = await openStage(config, stores, distributor, parts);
  view.done(`${servers.postgresOrigin}; ${servers.redisOrigin}; dashboard at ${daemon.url}`);
  return {
    stores,
    config,
    daemon,
    distributor,
    stage,
    loseRedis: servers.loseRedis,
    told: new Set(),
  };
}

function replayConfig(stores: OpenDemoStores, distributorUrl: string): Config {
  const config = demoConfig(stores, 0);
  const sources = config.sources
    .filter(({ name }) => name === giftSource)
    .map((source): Source => ({
      ...source,
      rules: { ...source.rules, graceMs },
      distributor: {
        kind: 'http',
        url: distributorUrl,
        headers: {},
        timeoutMs: distributorTimeoutMs,
        retries: 0,
      },
    }));
  return { ...config, sources };
}

async function openDaemon(config: Config, stores: OpenDemoStores, parts: OpenParts): Promise<Daemon> {
  const stop = new AbortController();
  const log = createLog({ level: config.log.level, descriptor: 2, pretty: true });
  const daemon = await startDaemon(config, log, stop.signal, stores.namespace);
  parts.add(async () => {
    stop.abort(new Error('the replay has ended'));
    await daemon.stopped;
  });
  return daemon;
}

/** The application: a gate whose calls can be made to crash from outside. */
async function openStage(
  config: Config,
  stores: OpenDemoStores,
  distributor: DemoDistributor,
  parts: OpenParts,
): Promise<Stage> {
  const [source] = config.sources;
  if (source === undefined) throw new Error('the replay has no source');
  const points = new CrashPoints();
  const { url } = distributor;
  const over = createHttpDistributor({ url, headers: {}, timeoutMs: distributorTimeoutMs, retries: 0 });
  const gate = createGate(
    {
      pool: points.watch(stores.pool, ['query']),
      redis: points.watch(stores.redis, ['callBuffer', 'zrem']),
      distributor: points.watch(over, ['grant', 'lookup']),
      table: await openClaimTable(stores.pool, source),
      namespace: stores.namespace,
    },
    { ttlMs: giftWindowMs, distributorTimeoutMs, closeTimeoutMs: 1_000, onTrouble: () => undefined },
  );
  parts.add(() => gate.close());
  return {
    gate,
    points,
    planDistributor: (attempt, fault) => distributor.plan(attempt, fault),
    evict: async ({ activityId, giftId, uid }) => {
      await stores.redis.del(`${stores.prefix}gift:${activityId}:${giftId}:${uid}`);
    },
    concurrency,
  };
}
