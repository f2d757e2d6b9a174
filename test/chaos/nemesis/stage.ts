/**
 * What the nemesis plays with: servers of its own, two daemons and two applications as processes, a distributor whose book
 * is the judge, and the network between them.
 * Does not decide what goes wrong: see `faults.ts`.
 */
import { Redis } from 'ioredis';
import { defaultNamespace } from '../../../src/domain/open-claim.ts';
import { startDemoDistributor, type DemoDistributor } from '../../../src/demo/demo-distributor.ts';
import type { RunningServer } from '../../../src/embedded/running-server.ts';
import { startPostgres } from '../../../src/embedded/start-postgres.ts';
import { startRedis } from '../../../src/embedded/start-redis.ts';
import { shopConfig } from '../../cli/support/shop-config.ts';
import type { Program } from '../../cli/support/program.ts';
import { createWorld, type World } from '../../reconcile/support/world.ts';
import { startProcess, type ProcessHandle } from '../../support/process-handle.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { startSwitch, type Switch } from '../../support/switch.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { recordedSettings } from '../../support/history/record-rows.ts';
import { prepareForGate } from '../support/gate-world.ts';
import { Recording } from './recording.ts';

/** Of the brake, in the daemons' configuration. */
export interface BrakeLimits {
  readonly repairsPerPlan: number;
  readonly repairsPerHour: number;
}
export const limits: BrakeLimits = { repairsPerPlan: 40, repairsPerHour: 2_000 };

const hourMs = 3_600_000;
/** One of the two may be an hour off, either way; by the seed itself, so that each of a few seeds has another. */
const clocks = [
  [0, 0],
  [hourMs, 0],
  [-hourMs, 0],
  [0, hourMs],
  [0, -hourMs],
] as const;

export class Stage {
  readonly postgres: RunningServer;
  readonly queue: RunningServer;
  /** Another one after a failover. */
  markers: RunningServer;
  /** The address of the markers, whichever server holds them. */
  readonly markersWay: Switch;
  /** Between the daemons, and the first application, and the stores. */
  readonly toPostgres: TcpProxy;
  readonly toMarkers: TcpProxy;
  readonly world: World;
  readonly distributor: DemoDistributor;
  readonly recording: Recording;
  /** A connection of the test's own to the queue's Redis. */
  readonly queueClient: Redis;
  readonly daemons: ProcessHandle[] = [];
  readonly gates: ProcessHandle[] = [];
  readonly config: string;
  /** By how much the wall clock of each daemon is off. */
  readonly clockOffsetsMs: readonly number[];
  readonly #epochMs = Date.now();
  readonly #random: SeededRandom;

  constructor(
    parts: Pick<
      Stage,
      | 'postgres'
      | 'queue'
      | 'markers'
      | 'markersWay'
      | 'toPostgres'
      | 'toMarkers'
      | 'world'
      | 'distributor'
      | 'recording'
      | 'queueClient'
      | 'config'
    >,
    random: SeededRandom,
  ) {
    this.postgres = parts.postgres;
    this.queue = parts.queue;
    this.markers = parts.markers;
    this.markersWay = parts.markersWay;
    this.toPostgres = parts.toPostgres;
    this.toMarkers = parts.toMarkers;
    this.world = parts.world;
    this.distributor = parts.distributor;
    this.recording = parts.recording;
    this.queueClient = parts.queueClient;
    this.config = parts.config;
    this.#random = random;
    this.clockOffsetsMs = clocks[random.seed % clocks.length] ?? [0, 0];
  }

  startDaemon(at: number): void {
    this.daemons[at] = startProcess('src/cli/main.ts', {
      args: ['start', '--config', this.config],
      env: { DATABASE_URL: '', REDIS_URL: '', QUEUE_REDIS_URL: '' },
      clockOffsetMs: this.clockOffsetsMs[at] ?? 0,
    });
  }

  startGate(at: number): void {
    const { world, toMarkers, distributor } = this;
    const seed = String(this.#random.integer(1, 1e6));
    this.gates[at] = startProcess('test/chaos/gate-process.ts', {
      args: [
        world.databaseUrl,
        at === 0 ? toMarkers.url : world.redisUrl,
        distributor.url,
        seed,
        String(this.#epochMs),
        defaultNamespace,
      ],
    });
  }

  /** Everything that was started, in reverse. */
  async close(): Promise<void> {
    for (const handle of [...this.gates, ...this.daemons]) await handle.kill();
    this.recording.stop();
    this.queueClient.disconnect();
    await this.world.drop();
    await this.distributor.close();
    for (const way of [this.toPostgres, this.toMarkers, this.markersWay]) await way.close();
    for (const server of [this.postgres, this.queue, this.markers]) await server.stop();
  }
}

export async function openStage(
  program: Program,
  random: SeededRandom,
  { repairsPerPlan, repairsPerHour }: BrakeLimits,
): Promise<Stage> {
  const { env } = process;
  const [postgres, queue, markers] = await Promise.all([
    startPostgres({ env, settings: recordedSettings }),
    startRedis({ env }),
    startRedis({ env, settings: { 'repl-diskless-sync-delay': '0' } }),
  ]);
  const markersWay = await startSwitch(markers.port);
  const redisUrl = `redis://127.0.0.1:${markersWay.port}/0`;
  const [toPostgres, toMarkers] = await Promise.all([startTcpProxy(postgres.url), startTcpProxy(redisUrl)]);
  const world = await createWorld({ redisUrl, serverUrl: postgres.url });
  await prepareForGate(world);
  const recording = await Recording.begin(world.pool, { queue: queue.url, markers: markers.url });
  const queueClient = new Redis(queue.url);
  queueClient.on('error', () => undefined);
  const distributor = await startDemoDistributor({ honoursNotAfter: false });
  const databaseUrl = new URL(world.databaseUrl);
  databaseUrl.port = String(toPostgres.port);
  const config = await program.write(
    `nemesis-${random.seed}.yaml`,
    shopConfig(world, {
      databaseUrl: databaseUrl.href,
      markersUrl: toMarkers.url,
      queueUrl: queue.url,
      grace: '1s',
      schedule: '* * * * * *',
      brake: `{ repairsPerPlan: ${repairsPerPlan}, repairsPerHour: ${repairsPerHour}, share: 100%, shareSample: 1000 }`,
      distributor: `{ url: '${distributor.url}', timeout: 250ms }`,
      // With this every pass is shared by both daemons, however little it has to read.
      reading: random.integer(0, 1) === 0 ? '{}' : '{ chunks: { over: 0, rows: 1000 } }',
    }),
  );
  return new Stage(
    {
      postgres,
      queue,
      queueClient,
      markers,
      markersWay,
      toPostgres,
      toMarkers,
      world,
      distributor,
      recording,
      config,
    },
    random,
  );
}
