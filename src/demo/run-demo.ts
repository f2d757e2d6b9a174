/**
 * The demo, told in one function: servers, claims, drift, daemon, balance, a second look.
 * Invariants kept: a database of its own, dropped at the end, and only markers it set itself: a server that was given
 * by DATABASE_URL or REDIS_URL is left as it was.
 */
import { startDaemon, type Daemon } from '../app/daemon.ts';
import { createLog } from '../app/log.ts';
import { OpenParts } from '../app/open-parts.ts';
import { untilAborted } from '../app/until-aborted.ts';
import { OperatingError } from '../domain/operating-error.ts';
import { bootServers, type BackingServers } from '../embedded/boot-servers.ts';
import { readCouponClaims } from './coupon-claims.ts';
import { demoConfig, giftSource, orderSource } from './demo-source.ts';
import { openDemoStores, type OpenDemoStores } from './demo-stores.ts';
import { DemoView } from './demo-view.ts';
import { fillGifts, fillOrders } from './fill-claims.ts';
import { injectGiftDrift, injectOrderDrift, type InjectedFault } from './inject-drift.ts';
import { lookAgain } from './second-look.ts';
import { seededRandom } from './seeded-random.ts';
import { makeClaims, type DemoClaim } from './synthetic-claims.ts';
import { watchBalance } from './watch-balance.ts';

export interface DemoOptions {
  readonly env: NodeJS.ProcessEnv;
  /** A CSV or CSV.gz of real coupon claims; made-up ones without it. */
  readonly claimsFile: string | null;
  readonly seed: number;
  /** Stay up with the dashboard until the signal, after the balance. */
  readonly stays: boolean;
  readonly out: (line: string) => void;
  readonly signal: AbortSignal;
}

const claimsMade = 5_000;
const ordersMade = 200;
const driftShare = 0.02;
const ordersBroken = 8;

/** True when everything balanced and a second look at all claims found nothing new. */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const { signal, seed, claimsFile } = options;
  const view = new DemoView(options.out);
  const parts = new OpenParts();
  view.title(seed, claimsFile);
  const claims = claimsFile === null ? makeClaims(claimsMade) : await readCouponClaims(claimsFile);
  try {
    const stores = await openStores(options, view, parts);
    const injected = await fillAndBreak(stores, claims, seed, view);
    signal.throwIfAborted();
    const { daemon, config } = await openDaemon(stores, view, parts);
    const result = await watchBalance(stores.pool, injected, view, signal);
    view.balance(result);
    view.step('a second look');
    const second = await lookAgain(config, stores.namespace, signal);
    view.second(second);
    if (options.stays) {
      view.staying(daemon.url);
      await untilAborted(signal);
    }
    return result.balances && second.found === 0 && second.judged >= claims.length;
  } finally {
    if (signal.aborted) view.note('stopping the daemon and the servers …');
    await parts.close();
    if (signal.aborted) view.note('stopped; nothing is left behind');
  }
}

async function openStores(options: DemoOptions, view: DemoView, parts: OpenParts): Promise<OpenDemoStores> {
  view.step('servers');
  const servers = await boot(options, view);
  parts.add(() => servers.stop());
  const stores = await openDemoStores(servers);
  parts.add(() => stores.close());
  view.done(`${servers.postgresOrigin}; ${servers.redisOrigin}`);
  return stores;
}

async function boot({ env }: DemoOptions, view: DemoView): Promise<BackingServers> {
  try {
    return await bootServers({ env, say: (line) => view.note(line) });
  } catch (error) {
    throw new OperatingError('not_ready', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

async function fillAndBreak(
  stores: OpenDemoStores,
  claims: readonly DemoClaim[],
  seed: number,
  view: DemoView,
): Promise<InjectedFault[]> {
  const random = seededRandom(seed);
  view.step('claims');
  const gifts = await fillGifts(stores, claims);
  const orders = await fillOrders(stores, ordersMade);
  view.done(
    `${claims.length} gift claims (${gifts.length} granted, the others released) and ${orders.length} order grabs, with their markers`,
  );
  view.step('drift');
  const faults = [
    ...(await injectGiftDrift(stores, giftSource, gifts, Math.round(gifts.length * driftShare), random)),
    ...(await injectOrderDrift(stores, orderSource, orders, ordersBroken, random)),
  ];
  view.done(
    `${faults.length} claims broken: ${driftShare * 100} % of those granted, in every way that needs no distributor`,
  );
  return faults;
}

async function openDaemon(stores: OpenDemoStores, view: DemoView, parts: OpenParts) {
  view.step('the daemon');
  const config = demoConfig(stores, 0);
  const stop = new AbortController();
  const log = createLog({ level: config.log.level, descriptor: 2, pretty: true });
  const daemon: Daemon = await startDaemon(config, log, stop.signal, stores.namespace);
  parts.add(async () => {
    stop.abort(new Error('the demo has ended'));
    await daemon.stopped;
  });
  view.done(`watches both tables; dashboard at ${daemon.url}`);
  return { daemon, config };
}
