/**
 * A world with a gate, a distributor and crashes: claims are played through the gate, passes settle what is left, and the
 * distributor's own book is the judge.
 * Does not decide what goes wrong: the tests do.
 */
import { createHttpDistributor } from '../../../src/distributor/http-distributor.ts';
import { openClaimsKey } from '../../../src/domain/open-claim.ts';
import type { NotGranted } from '../../../src/domain/source.ts';
import { startDemoDistributor, type DemoDistributor } from '../../../src/demo/demo-distributor.ts';
import { CrashPoints, type CrashPlan } from '../../../src/demo/replay/crash-points.ts';
import { createGate, type Gate } from '../../../src/gate/gate.ts';
import { openClaimTable } from '../../../src/postgres/claim-table.ts';
import { dayMs, giftSource } from '../../reconcile/support/claim-tables.ts';
import type { PassChanges } from '../../reconcile/support/job-deps.ts';
import type { World } from '../../reconcile/support/world.ts';

/** The longest a hand-out may take; the grace period is far longer. */
const distributorTimeoutMs = 250;
const graceMs = 1_000;
const passesMax = 30;

export interface GateWorld {
  readonly world: World;
  readonly distributor: DemoDistributor;
  /** One claim under a plan, by an attempt of this name. Resolves also when it crashes or is not accepted. */
  readonly claim: (uid: number, attempt: string, plan?: CrashPlan) => Promise<string>;
  readonly pass: () => Promise<void>;
  /** Passes until nothing is open, pending or listed. Throws when that does not come about. */
  readonly settleAll: () => Promise<void>;
  /** What is wrong with the end: things handed out twice, claims that are not as the book says, markers that do not fit. */
  readonly wrongs: () => Promise<string[]>;
  readonly close: () => Promise<void>;
}

export async function openGateWorld(
  world: World,
  options: { readonly notGranted: NotGranted; readonly honoursNotAfter?: boolean },
): Promise<GateWorld> {
  await prepareForGate(world);
  const distributor = await startDemoDistributor({ honoursNotAfter: options.honoursNotAfter ?? true });
  const points = new CrashPoints();
  const over = createHttpDistributor({
    url: distributor.url,
    headers: {},
    timeoutMs: distributorTimeoutMs,
    retries: 0,
  });
  const gate = createGate(
    {
      pool: points.watch(world.pool, ['query']),
      redis: points.watch(world.markers, ['callBuffer', 'zrem']),
      distributor: points.watch(over, ['grant', 'lookup']),
      table: await openClaimTable(world.pool, giftSource),
      namespace: 'own',
    },
    { ttlMs: dayMs, distributorTimeoutMs, closeTimeoutMs: 500, onTrouble: () => undefined },
  );
  const changes: PassChanges = {
    distributor: over,
    rules: { graceMs, notGranted: options.notGranted },
  };
  const pass = async (): Promise<void> => void (await world.runPass(changes));
  return {
    world,
    distributor,
    claim: async (uid, attempt, plan = { crashAfter: null, failCall: null }) =>
      claimOnce(gate, points, uid, attempt, plan),
    pass,
    settleAll: async () => settleAll(world, pass),
    wrongs: async () => wrongsIn(world, distributor),
    close: async () => {
      await gate.close();
      await distributor.close();
    },
  };
}

/** What a gate needs of the claim table. */
export async function prepareForGate(world: World): Promise<void> {
  await world.pool.query(
    `create unique index on gift_claim (uid) where status in ('pending', 'granted');
     alter table gift_claim alter column attempt_id set not null`,
  );
}

async function claimOnce(
  gate: Gate,
  points: CrashPoints,
  uid: number,
  attempt: string,
  plan: CrashPlan,
): Promise<string> {
  try {
    const end = await points.run(plan, async () => gate.claim({ attempt, columns: { uid } }));
    return end.kind === 'crashed' ? 'crashed' : end.result.kind;
  } catch {
    // Redis or Postgres was away: the claim was not accepted, and whether it left something is what the end shows.
    return 'failed';
  }
}

async function settleAll(world: World, pass: () => Promise<void>): Promise<void> {
  let left: unknown = null;
  for (let passes = 0; passes < passesMax; passes += 1) {
    await world.makeDue();
    await pass();
    left = await unsettled(world, 'own');
    if (left === null) return;
  }
  throw new Error(`after ${passesMax} passes there is still ${JSON.stringify(left)}`);
}

/** What keeps the world from being settled; null when nothing does. */
export async function unsettled(world: World, namespace: string): Promise<object | null> {
  const { rows } = await world.pool.query<{ pending: string[] }>(
    `select coalesce(array_agg(attempt_id), '{}') as pending from gift_claim where status = 'pending'`,
  );
  const pending = rows[0]?.pending ?? [];
  const open = (await world.discrepancies()).filter(({ state }) => state === 'open');
  const listed = await world.redis.zrange(openClaimsKey(namespace, 'gifts'), '0', '-1');
  return pending.length + open.length + listed.length === 0 ? null : { pending, open, listed };
}

/** What is wrong with the end, see `GateWorld.wrongs`. */
export async function wrongsIn(world: World, distributor: DemoDistributor): Promise<string[]> {
  const wrongs: string[] = [];
  const granted = new Map<string, string>();
  for (const [attempt, { answer, markerKey }] of distributor.book()) {
    if (answer !== 'granted') continue;
    const before = granted.get(markerKey);
    if (before !== undefined) wrongs.push(`${markerKey} was handed out to ${before} and to ${attempt}`);
    granted.set(markerKey, attempt);
  }
  const { rows } = await world.pool.query<{ key: string; attempt: string; status: string }>(
    `select 'gift:' || uid as key, attempt_id as attempt, status from gift_claim`,
  );
  const written = new Set<string>();
  for (const { key, attempt, status } of rows) {
    const isGranted = granted.get(key) === attempt;
    if (isGranted) written.add(key);
    if (status !== (isGranted ? 'granted' : 'failed')) {
      wrongs.push(`${attempt} is ${status}, and the book says ${isGranted ? 'granted' : 'not granted'}`);
    }
  }
  for (const [key, attempt] of granted) if (!written.has(key)) wrongs.push(`${attempt} has no row`);
  for (const key of new Set([...rows.map((row) => row.key), ...granted.keys()])) {
    const marker = await world.readMarker(key);
    if (marker?.expiresAtMs === null) wrongs.push(`${key} has no expiry`);
    if ((marker?.value ?? null) !== (granted.get(key) ?? null)) {
      wrongs.push(`${key} holds ${marker?.value ?? 'nothing'}, granted is ${granted.get(key) ?? 'nobody'}`);
    }
  }
  return wrongs;
}
