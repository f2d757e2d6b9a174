/**
 * The screening of blocks inside Redis against `assess`: it names exactly what `assess` calls bad, for claims, markers
 * and texts of all kinds. What fails or is cut short throws.
 */
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { assess } from '../../src/domain/assess.ts';
import type { ClaimReading, ClaimStatus } from '../../src/domain/claim.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { endRedis } from '../../src/redis/connect.ts';
import { markerForm, stringMarkers, type MarkerForm } from '../../src/redis/marker-form.ts';
import { observeMarkers } from '../../src/redis/observe-markers.ts';
import type { ClaimLines, ScreenOptions } from '../../src/redis/screen-block.ts';
import { screenMarkers } from '../../src/redis/screen-markers.ts';
import { strictTo, useStrictRedis } from '../support/strict-redis.ts';
import type { TestRedis } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { linesOf, type ClaimLine } from './claim-lines.ts';

const nowMs = 1_780_000_000_000;
/** Far wider than a test takes, so that the time that passes does not change what agrees. */
const toleranceMs = 600_000;
const seed = fc.nat({ max: 2 ** 31 - 1 });

let server: TestRedis;
let redis: Redis;
useStrictRedis((own, strict) => {
  server = own;
  redis = strict;
});

function optionsOf(changes: Partial<ScreenOptions> = {}): ScreenOptions {
  const rules = { toleranceMs, valueNamesAttempt: true };
  const what = { redis, rules, anyValue: false, nowMs: () => nowMs };
  const block = { linesMin: 1, linesMax: 1_000, serverMs: 1_000 };
  const size = { block, pace: { lines: 1_000, blocks: 0 } };
  return { ...what, callTimeoutMs: 20_000, callsInFlight: 2, ...size, ...changes };
}

async function screen(lines: readonly ClaimLine[], changes: Partial<ScreenOptions> = {}): Promise<number[]> {
  return screenMarkers(linesOf(lines), optionsOf(changes));
}

function line(key: string, changes: Partial<ClaimLine> = {}): ClaimLine {
  return { status: 'g', key, value: 'a1', expiresAtMs: nowMs + 10 * toleranceMs, ...changes };
}

/** A marker as it is stored, its life in milliseconds. */
type Stored =
  | { readonly kind: 'absent' | 'list' | 'hash' }
  | { readonly kind: 'string'; readonly value: string | Buffer; readonly leftMs: number | null };

/** As strings, or in the field `f` of hashes. */
const forms = [markerForm(undefined), markerForm('f')];

async function store(key: string, marker: Stored, { type }: MarkerForm = stringMarkers): Promise<void> {
  if (marker.kind === 'string' && type === 'hash') {
    await redis.hset(key, { f: marker.value, other: 'a1' });
    if (marker.leftMs !== null) await redis.pexpire(key, marker.leftMs);
    return;
  }
  if (marker.kind === 'list') await redis.rpush(key, 'a1');
  else if (marker.kind === 'hash') await redis.hset(key, 'a1', '1');
  else if (marker.kind === 'string' && marker.leftMs === null) await redis.set(key, marker.value);
  else if (marker.kind === 'string') await redis.set(key, marker.value, 'PX', marker.leftMs ?? 1);
}

const statusOf: Record<'g' | 'p' | 'r', ClaimStatus> = { g: 'granted', p: 'pending', r: 'released' };

/** What a full reading of the same row gives. */
function claimOf({ status, key, value, expiresAtMs }: ClaimLine, anyValue: boolean): ClaimReading {
  const row = { id: '1', changeXid: '1001', markerKey: key };
  if (status === 'u') return { kind: 'unreadable', ...row, reason: 'whatever' };
  return {
    kind: 'readable',
    ...row,
    status: statusOf[status],
    attempt: 'a',
    markerValue: anyValue ? null : value,
    expiresAtMs,
  };
}

const oddUnits = [
  'a',
  'N',
  '\\',
  '\\N',
  '\t',
  '\n',
  '\r',
  '\b',
  '\f',
  '\v',
  ' ',
  '%',
  '"',
  "'",
  '\u0001',
  '\u007f',
];
const wideUnits = ['é', '漢', '😀', '\uFEFF', '\u0301', '\uFFFD'];
const anyText = fc.string({ unit: fc.constantFrom(...oddUnits, ...wideUnits), maxLength: 6 });
const brokenBytes = ['ff', '80', 'c3', 'e6bc', 'eda080', 'c080', 'f4908080', 'f09f98', '61ff61', 'e080af'];
/** Halves of the tolerance: near its end on either side, never so near that the time a test takes matters. */
const anyHalves = fc.integer({ min: -5, max: 5 });
const halfMs = toleranceMs / 2;

/** A claim with its marker, in most cases the right one or nearly so. */
const anyPair = fc
  .record({
    status: fc.constantFrom('g', 'g', 'r', 'r', 'p', 'u'),
    key: anyText,
    expected: anyText,
    dueHalves: fc.oneof(anyHalves, fc.constant(2)),
    dueOffMs: fc.constantFrom(0, 0, 1, -1),
    kind: fc.constantFrom('own', 'own', 'own', 'other', 'near', 'broken', 'absent', 'list', 'hash'),
    other: anyText,
    broken: fc.constantFrom(...brokenBytes),
    offHalves: fc.constantFrom(-3, -1, 0, 1, 3, null),
  })
  .map(({ status, key, expected, dueHalves, dueOffMs, kind, other, broken, offHalves }) => {
    const dueMs = dueHalves * halfMs + dueOffMs;
    const leftMs = offHalves === null ? null : Math.max(halfMs / 2, dueMs + offHalves * halfMs + halfMs / 4);
    const values = {
      own: expected,
      other,
      near: `${expected}\n`,
      broken: Buffer.from(broken, 'hex'),
    };
    const marker: Stored =
      kind === 'absent' || kind === 'list' || kind === 'hash'
        ? { kind }
        : { kind: 'string', value: values[kind], leftMs };
    return {
      claim: { status, key, value: expected, expiresAtMs: nowMs + dueMs } satisfies ClaimLine,
      marker,
    };
  });

describe('the screening', () => {
  it.each(forms)('names exactly those claims of a block that assess calls bad, of a $type', async (form) => {
    const anyBlock = fc.array(anyPair, { minLength: 1, maxLength: 40 });
    const anySaying = fc.constantFrom('attempt', 'value', 'nothing');
    const anyEnd = fc.constantFrom(false, false, true);
    const verdictsSeen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(anyBlock, anySaying, anyEnd, seed, async (pairs, says, endless, run) => {
        const placed = pairs.map(({ claim, marker }, at) => ({
          claim: { ...claim, key: `${run}:${at}:${claim.key}` },
          marker,
        }));
        await Promise.all(placed.map(async ({ claim, marker }) => store(claim.key, marker, form)));
        const anyValue = says === 'nothing';
        const rules = { toleranceMs, valueNamesAttempt: says === 'attempt', endless };
        const lines = placed.map(({ claim }) => claim);
        const readings = await observeMarkers(
          redis,
          lines.map(({ key }) => key),
          20_000,
          form,
        );
        const bad = lines.flatMap((claim, at) => {
          const marker = readings[at] ?? { kind: 'unread', reason: 'no reading' };
          const verdict = assess({ claim: claimOf(claim, anyValue), marker }, rules, nowMs);
          verdictsSeen.add(`${claim.status} ${verdict}`);
          return verdict === 'consistent' ? [] : [at];
        });
        expect(await screen(lines, { rules, anyValue, form })).toEqual(bad);
        await server.client.flushdb();
      }),
      { numRuns: 150 },
    );
    expect([...verdictsSeen].toSorted()).toEqual([
      'g conflicting_marker',
      'g consistent',
      'g immortal_marker',
      'g missing_marker',
      'g unreadable_marker',
      'g wrong_expiry',
      'p in_doubt',
      'p unreadable_marker',
      'r consistent',
      'r immortal_marker',
      'r orphan_marker',
      'r unreadable_marker',
      'u unreadable_claim',
    ]);
  });

  it('tells text from bytes that are none, as the decoder does that reads the few', async () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 8 }),
      fc
        .array(fc.constantFrom(...brokenBytes), { maxLength: 2 })
        .map((parts) => Buffer.from(parts.join(''), 'hex')),
      anyText.map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(anyBytes, async (bytes) => {
        await redis.set('bytes', Buffer.from(bytes));
        const [reading] = await observeMarkers(redis, ['bytes'], 20_000);
        const suspects = await screen([line('bytes', { status: 'r', value: 'not this' })]);
        expect(suspects).toEqual(reading?.kind === 'undecodable' ? [0] : []);
      }),
      { numRuns: 300 },
    );
  });

  it('names none of a block in which all is well, and each of a block in which nothing is', async () => {
    const keys = Array.from({ length: 500 }, (_, at) => `gift:1:${at}`);
    expect(await screen(keys.map((key) => line(key)))).toEqual(keys.map((_, at) => at));
    await Promise.all(keys.map(async (key) => redis.set(key, 'a1', 'PX', 10 * toleranceMs)));
    expect(await screen(keys.map((key) => line(key)))).toEqual([]);
    expect(await screen(keys.map((key) => line(key, { status: 'r', value: 'a2' })))).toEqual([]);
    expect(await screen(keys.map((key) => line(key, { status: 'r' })))).toHaveLength(keys.length);
  });

  it('names the suspects in order, with blocks of any size and several calls on their way', async () => {
    const keys = Array.from({ length: 40 }, (_, at) => `gift:${at}`);
    await Promise.all(keys.map(async (key) => redis.set(key, 'a1', 'PX', 10 * toleranceMs)));
    await redis.del('gift:3', 'gift:14', 'gift:39');
    const lines = keys.map((key) => line(key));
    for (const callsInFlight of [1, 3, 20]) {
      for (const size of [1, 7, 39, 40, 100]) {
        const block = { linesMin: size, linesMax: size, serverMs: 1 };
        expect(await screen(lines, { callsInFlight, block, pace: { lines: size, blocks: 0 } })).toEqual([
          3, 14, 39,
        ]);
      }
    }
    expect(await screen([])).toEqual([]);
  });

  it('sends smaller blocks where they take the server too long, and larger ones where there is time', async () => {
    const lines = Array.from({ length: 8_000 }, (_, at) => line(`gift:${at}`, { status: 'r' }));
    const pace = { lines: 100, blocks: 0 };
    await screen(lines, { block: { linesMin: 5, linesMax: 1_000, serverMs: 0.000_001 }, pace });
    expect(pace.lines).toBe(5);
    await screen(lines, { block: { linesMin: 5, linesMax: 60, serverMs: 60_000 }, pace });
    expect(pace.lines).toBe(60);
  });

  it('takes the time of each call anew', async () => {
    const claim = line('late', { expiresAtMs: nowMs + 2 * toleranceMs });
    expect(await screen([claim])).toEqual([0]);
    expect(await screen([claim], { nowMs: () => nowMs + toleranceMs + 0.4 })).toEqual([]);
  });

  it('changes nothing', async () => {
    await store('kept', { kind: 'string', value: 'a2', leftMs: null });
    await screen([line('kept'), line('gone')]);
    expect([await redis.get('kept'), await redis.pttl('kept'), await redis.dbsize()]).toEqual(['a2', -1, 1]);
  });
});

/** The length of its status is far beyond its end. */
function brokenAt(at: number, claims: readonly ClaimLine[]): ClaimLines {
  const lines = linesOf(claims);
  lines.bytes.writeInt32BE(2 ** 30, (lines.bounds[at] ?? 0) + 7);
  return lines;
}

function oneByOne(): Pick<ScreenOptions, 'block' | 'pace'> {
  return { block: { linesMin: 1, linesMax: 1, serverMs: 1 }, pace: { lines: 1, blocks: 0 } };
}

describe('the screening, when something is wrong', () => {
  const lines = [line('one'), line('two', { value: 'a\nb' }), line('three')];

  it('throws for lines that are cut short, or said to be more or fewer than they are', async () => {
    const { bytes, bounds } = linesOf(lines);
    const [, one = 0, two = 0, three = 0] = bounds;
    const screenCut = async (...cut: number[]): Promise<number[]> =>
      screenMarkers({ bytes, bounds: Uint32Array.from([0, ...cut]), count: cut.length }, optionsOf());
    for (const length of [three - 1, three - 20, two + 1, two + 6, two + 20, 5, 0]) {
      await expect(screenCut(one, two, length)).rejects.toMatchObject({ code: 'redis_unreachable' });
    }
    await expect(screenCut(one, three)).rejects.toThrow(/compared 3 of 2 claims of a block. Nothing of this/);
    await expect(screenCut(one, two, three, three)).rejects.toThrow('compared 3 of 4');
    await expect(screenCut(0)).rejects.toMatchObject({ code: 'redis_unreachable' });
  });

  it('throws for lines that do not have the fields of a claim', async () => {
    const claims = linesOf(lines);
    claims.bytes.writeInt16BE(5, (claims.bounds[1] ?? 0) + 5);
    await expect(screenMarkers(claims, optionsOf())).rejects.toThrow('a block is cut');
  });

  it('throws as a whole if one block of many fails', async () => {
    await expect(screenMarkers(brokenAt(1, lines), optionsOf(oneByOne()))).rejects.toMatchObject({
      code: 'redis_unreachable',
    });
  });

  it('asks for nothing more once a call has failed', async () => {
    const claims = brokenAt(
      1,
      Array.from({ length: 40 }, (_, at) => line(`gift:${at}`)),
    );
    let calls = 0;
    const counting = (): number => {
      calls += 1;
      return nowMs;
    };
    await expect(screenMarkers(claims, optionsOf({ ...oneByOne(), nowMs: counting }))).rejects.toThrow();
    // Each answer comes after those of the calls before it.
    for (let turn = 0; turn < 100; turn += 1) await redis.ping();
    expect(calls).toBeLessThan(10);
  });

  it('does not notice that the server forgot its scripts', async () => {
    await redis.set('one', 'a1', 'PX', 10 * toleranceMs);
    for (let round = 0; round < 3; round += 1) {
      expect(await screen(lines)).toEqual([1, 2]);
      await server.client.script('FLUSH');
    }
  });

  it('reads no key of a claim that it cannot judge: it may be none, which a user of few rights may not read', async () => {
    await redis.set('gift:1', 'a1', 'PX', 10 * toleranceMs);
    const user = `gifts_${server.database}`;
    onTestFinished(async () => void (await server.client.call('ACL', 'DELUSER', user)));
    await server.client.call('ACL', 'SETUSER', user, 'reset', 'on', '>x', '~gift:*', '+@all');
    const url = new URL(server.url);
    [url.username, url.password] = [user, 'x'];
    const few = await strictTo(url.href);
    onTestFinished(async () => endRedis(few, 1_000));
    const odd = line('', { status: 'u' });
    expect(await screen([odd, line('gift:1'), line('else', { status: 'p' }), odd], { redis: few })).toEqual([
      0, 2, 3,
    ]);
    expect(await screen([odd], { redis: few })).toEqual([0]);
    await expect(screen([line('else')], { redis: few })).rejects.toThrow();
  });

  it('throws where it may not read a marker, or how long it lives', async () => {
    await redis.set('one', 'a1', 'PX', 10 * toleranceMs);
    const user = `blind_${server.database}`;
    onTestFinished(async () => void (await server.client.call('ACL', 'DELUSER', user)));
    const blindTo = async (command: string): Promise<number[]> => {
      await server.client.call('ACL', 'SETUSER', user, 'reset', 'on', '>x', '~*', '+@all', `-${command}`);
      const url = new URL(server.url);
      [url.username, url.password] = [user, 'x'];
      const blind = await strictTo(url.href);
      onTestFinished(async () => endRedis(blind, 1_000));
      return screen([line('one')], { redis: blind });
    };
    expect(await blindTo('append')).toEqual([]);
    await expect(blindTo('mget')).rejects.toThrow();
    await expect(blindTo('pttl')).rejects.toThrow();
  });

  it('throws when Redis is dead', async () => {
    const own = await startRedis({ env: process.env });
    onTestFinished(async () => own.stop());
    const dying = await strictTo(own.url);
    onTestFinished(async () => endRedis(dying, 1_000));
    expect(await screen(lines, { redis: dying })).toEqual([0, 1, 2]);
    await own.kill();
    await expect(screen(lines, { redis: dying })).rejects.toThrow();
  });

  it('throws within its time when no answer comes', async () => {
    const proxy = await startTcpProxy(server.url);
    onTestFinished(async () => proxy.close());
    const behind = await strictTo(proxy.url);
    onTestFinished(async () => endRedis(behind, 1_000));
    proxy.set('swallow_replies');
    const late = screen(lines, { redis: behind, callTimeoutMs: 200 });
    await expect(late).rejects.toMatchObject({ code: 'timed_out' });
  });
});
