/**
 * Crashes of the application at each step of the gate, times what the distributor does, times what Redis keeps
 * (scenario 26 of the daemon): at most one grant, and everything settles (invariant 9). The distributor's book is the judge.
 */
import { describe, expect, it } from 'vitest';
import { createHttpDistributor } from '../../src/distributor/http-distributor.ts';
import { encodeOpenClaim, openClaimsKey } from '../../src/domain/open-claim.ts';
import { notGrantedChoices } from '../../src/domain/source.ts';
import { useWorlds } from '../reconcile/support/use-world.ts';
import { openGateWorld, type GateWorld } from './support/gate-world.ts';

const worlds = useWorlds();

/** After how many calls it crashes: marker, row, hand-out, settling. Null: it does not. */
const crashes = [0, 1, 2, 3, 4, null] as const;
const distributorDoes = ['yes', 'refuse', 'silent', 'late_yes', 'lose_reply', 'fail_before'] as const;
const redisDoes = ['keeps', 'loses'] as const;

/** How often users try again to get what nobody has. */
const triesMax = 5;

const cases = crashes.flatMap((crashAfter) =>
  distributorDoes.flatMap((distributor) => redisDoes.map((redis) => ({ crashAfter, distributor, redis }))),
);

/** All cases side by side, each for a thing of its own. */
async function crashEverywhere({ world, distributor, claim }: GateWorld, lateMs = 100): Promise<void> {
  await Promise.all(
    cases.map(async ({ crashAfter, distributor: does, redis }, uid) => {
      if (does !== 'yes') distributor.plan(`first-${uid}`, does, { delayMs: lateMs });
      await claim(uid, `first-${uid}`, { crashAfter, failCall: null });
      if (redis === 'loses') await forget(world, uid);
    }),
  );
}

/** As a restart without the last writes does: the marker is gone, and so is its entry. */
async function forget(world: GateWorld['world'], uid: number): Promise<void> {
  const index = openClaimsKey('own', 'gifts');
  for (const member of await world.redis.zrange(index, '0', '-1')) {
    if (member.startsWith(`["gift:${uid}",`)) await world.redis.zrem(index, member);
  }
  await world.redis.del(`gift:${uid}`);
}

async function claimAgain({ claim }: GateWorld, name: string): Promise<void> {
  await Promise.all(cases.map(async (_, uid) => claim(uid, `${name}-${uid}`)));
}

function countGranted({ distributor }: GateWorld): number {
  return [...distributor.book().values()].filter(({ answer }) => answer === 'granted').length;
}

describe.each(notGrantedChoices)('crashes at every step, where the policy is to %s', (notGranted) => {
  it('lead to one grant at most, and everything settles', async () => {
    const gates = await openGateWorld(await worlds.create(), { notGranted });
    try {
      await crashEverywhere(gates);
      await claimAgain(gates, 'second');
      await gates.settleAll();
      expect(await gates.wrongs()).toEqual([]);
      // What was released may be claimed again; what was granted may not. On a busy machine a try may come to nothing.
      for (let tries = 1; tries <= triesMax && countGranted(gates) < cases.length; tries += 1) {
        await claimAgain(gates, `again-${tries}`);
        await gates.settleAll();
        expect(await gates.wrongs()).toEqual([]);
      }
      expect(countGranted(gates)).toBe(cases.length);
    } finally {
      await gates.close();
    }
  });
});

describe('a distributor that carries out requests long after their time', () => {
  it('hands out once all the same, where claims in doubt are granted again', async () => {
    const world = await worlds.create();
    const gates = await openGateWorld(world, { notGranted: 'grant', honoursNotAfter: false });
    try {
      await crashEverywhere(gates, 2_500);
      await gates.settleAll();
      await claimAgain(gates, 'second');
      await gates.settleAll();
      expect(await gates.wrongs()).toEqual([]);
    } finally {
      await gates.close();
    }
  });
});

describe('the judge', () => {
  it('sees a second hand-out, and a claim that is not as the book says', async () => {
    const gates = await openGateWorld(await worlds.create(), { notGranted: 'grant' });
    try {
      await gates.claim(1, 'first');
      const url = gates.distributor.url;
      const over = createHttpDistributor({ url, headers: {}, timeoutMs: 1_000, retries: 0 });
      const notAfterMs = Date.now() + 1_000;
      const second = { attempt: 'second', markerKey: 'gift:1', claim: { uid: 1 }, notAfterMs };
      await over.grant(second, new AbortController().signal);
      await gates.world.pool.query(`update gift_claim set status = 'failed'`);
      expect(await gates.wrongs()).toEqual([
        'gift:1 was handed out to first and to second',
        'second has no row',
        'gift:1 holds first, granted is second',
      ]);
    } finally {
      await gates.close();
    }
  });
});

describe('an entry of the index', () => {
  it('begins with its marker, which `forget` relies on', () => {
    const entry = { markerKey: 'gift:1', markerValue: 'a', attempt: 'a', columns: {}, expiresAtMs: 1 };
    expect(encodeOpenClaim(entry).startsWith('["gift:1",')).toBe(true);
  });
});
