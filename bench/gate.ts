/**
 * `npm run bench -- gate`: claims per second through the gate against the flow that one would write by hand (`SET NX PX`,
 * distributor, `INSERT`), on the same servers, in turn; and what a blocked request costs.
 * Measures only. Both ways ask the same distributor over HTTP and write the same table, with the same indexes.
 */
import { randomUUID } from 'node:crypto';
import { createHttpDistributor } from '../src/distributor/http-distributor.ts';
import type { Distributor } from '../src/domain/distributor.ts';
import { startDemoDistributor } from '../src/demo/demo-distributor.ts';
import { demoConfig, giftSource } from '../src/demo/demo-source.ts';
import { openDemoStores, type OpenDemoStores } from '../src/demo/demo-stores.ts';
import { bootServers } from '../src/embedded/boot-servers.ts';
import { createGate, type Gate } from '../src/gate/gate.ts';
import { openClaimTable } from '../src/postgres/claim-table.ts';
import { median } from './median.ts';

export interface GateBench {
  readonly claims: number;
  readonly concurrency: number;
  /** Claims per second, medians of interleaved rounds. */
  readonly gate: number;
  readonly byHand: number;
  /** Blocked requests per second: the thing is claimed already. */
  readonly gateBlocked: number;
  readonly byHandBlocked: number;
  /** The gate's time over that of the flow by hand. */
  readonly ratios: { readonly claim: number; readonly blocked: number };
  /** Scripts that Redis ran for one blocked request, each one round trip. */
  readonly roundTripsPerBlocked: number;
}

interface Way {
  readonly name: 'gate' | 'byHand' | 'gateBlocked' | 'byHandBlocked';
  readonly claim: (uid: number) => Promise<string>;
  readonly expected: string;
}

interface BenchOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly claims: number;
  readonly repeats: number;
  readonly say: (line: string) => void;
}

const windowMs = 180 * 86_400_000;
const concurrency = 32;

export async function benchGate({ env, claims, repeats, say }: BenchOptions): Promise<GateBench> {
  const servers = await bootServers({ env, say, fresh: true });
  try {
    const stores = await openDemoStores(servers);
    try {
      await stores.pool.query(
        `create unique index on gift_claim (activity_id, gift_id, uid) where status in ('pending', 'granted')`,
      );
      return await measure(stores, claims, repeats, say);
    } finally {
      await stores.close();
    }
  } finally {
    await servers.stop();
  }
}

async function measure(
  stores: OpenDemoStores,
  claims: number,
  repeats: number,
  say: (line: string) => void,
): Promise<GateBench> {
  const server = await startDemoDistributor();
  const distributor = createHttpDistributor({ url: server.url, headers: {}, timeoutMs: 5_000, retries: 0 });
  const gate = await openGateOver(stores, distributor);
  const byHand = handWritten(stores, distributor);
  const ways: readonly Way[] = [
    { name: 'gate', claim: async (uid) => throughGate(gate, uid), expected: 'granted' },
    { name: 'byHand', claim: byHand, expected: 'granted' },
    { name: 'gateBlocked', claim: async () => throughGate(gate, 1), expected: 'already_claimed' },
    { name: 'byHandBlocked', claim: async () => byHand(1), expected: 'already_claimed' },
  ];
  const rates = new Map<Way['name'], number[]>(ways.map(({ name }) => [name, []]));
  await throughGate(gate, 1);
  let nextUid = 2;
  let roundTripsPerBlocked = 0;
  try {
    for (let round = 0; round <= repeats; round += 1) {
      for (const way of ways) {
        const scriptsBefore = await countScripts(stores);
        const startedAtMs = performance.now();
        await claimMany(way, nextUid, claims);
        const seconds = (performance.now() - startedAtMs) / 1000;
        nextUid += claims;
        if (way.name === 'gateBlocked') {
          roundTripsPerBlocked = ((await countScripts(stores)) - scriptsBefore) / claims;
        }
        // The first round warms caches and is not counted.
        if (round > 0) rates.get(way.name)?.push(claims / seconds);
      }
      say(`round ${round} of ${repeats}`);
    }
  } finally {
    await gate.close();
    await server.close();
  }
  const rate = (name: Way['name']): number => median(rates.get(name) ?? []);
  const times = (slow: Way['name'], fast: Way['name']): number =>
    Number((rate(fast) / rate(slow)).toFixed(2));
  return {
    claims,
    concurrency,
    gate: rate('gate'),
    byHand: rate('byHand'),
    gateBlocked: rate('gateBlocked'),
    byHandBlocked: rate('byHandBlocked'),
    ratios: { claim: times('gate', 'byHand'), blocked: times('gateBlocked', 'byHandBlocked') },
    roundTripsPerBlocked,
  };
}

/** Throws when a claim ends otherwise than expected: what failed fast would look fast. */
async function claimMany({ name, claim, expected }: Way, firstUid: number, claims: number): Promise<void> {
  let next = firstUid;
  const end = firstUid + claims;
  const user = async (): Promise<void> => {
    for (let uid = next++; uid < end; uid = next++) {
      const answer = await claim(uid);
      if (answer !== expected) throw new Error(`${name}: claim ${uid} was ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, user));
}

async function openGateOver(stores: OpenDemoStores, distributor: Distributor): Promise<Gate> {
  const source = demoConfig(stores, 0).sources.find(({ name }) => name === giftSource);
  if (source === undefined) throw new Error('the demo has no gifts');
  const table = await openClaimTable(stores.pool, source);
  return createGate(
    { pool: stores.pool, redis: stores.redis, distributor, table, namespace: stores.namespace },
    {
      ttlMs: windowMs,
      onTrouble: (error) => {
        throw error;
      },
    },
  );
}

async function throughGate(gate: Gate, uid: number): Promise<string> {
  return (await gate.claim({ columns: { activity_id: 1, gift_id: 1, uid } })).kind;
}

/** What one would write first: nothing of it survives a crash. */
function handWritten(
  { pool, redis, prefix }: OpenDemoStores,
  distributor: Distributor,
): (uid: number) => Promise<string> {
  return async (uid) => {
    const attempt = randomUUID();
    const markerKey = `${prefix}gift:1:1:${uid}`;
    if ((await redis.set(markerKey, attempt, 'PX', windowMs, 'NX')) === null) return 'already_claimed';
    const claim = { activity_id: 1, gift_id: 1, uid, attempt_id: attempt };
    const notAfterMs = Date.now() + 5_000;
    const signal = AbortSignal.timeout(5_000);
    const answer = await distributor.grant({ attempt, markerKey, claim, notAfterMs }, signal);
    if (answer.kind !== 'granted') {
      await redis.del(markerKey);
      return answer.kind;
    }
    await pool.query({
      name: 'by-hand',
      text: `insert into gift_claim (activity_id, gift_id, uid, attempt_id, status, expires_at)
        values (1, 1, $1, $2, 'granted', now() + $3 * interval '1 ms')`,
      values: [uid, attempt, windowMs],
    });
    return 'granted';
  };
}

/** Scripts that Redis has run so far: all that the gate asks of it. */
async function countScripts({ redis }: OpenDemoStores): Promise<number> {
  const stats = await redis.info('commandstats');
  const calls = [...stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
}
