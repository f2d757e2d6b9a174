/**
 * Scripts kept in files: run once per call, sent in full only when the server does not know them.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunningServer } from '../../src/embedded/running-server.ts';
import { startRedis } from '../../src/embedded/start-redis.ts';
import { connectStrict, endRedis, untilReady } from '../../src/redis/connect.ts';
import { loadScript, runScript, type Script } from '../../src/redis/script.ts';

// A server of its own: other tests make theirs forget its scripts.
let server: RunningServer;
let redis: Redis;
let folder: string;
beforeAll(async () => {
  server = await startRedis({ env: process.env });
  redis = connectStrict(server.url, { onError: () => undefined });
  await untilReady(redis, 5_000);
  folder = await mkdtemp(join(tmpdir(), 'scripts-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await endRedis(redis, 1_000);
  await server.stop();
});

async function scriptOf(source: string): Promise<Script> {
  const path = join(folder, 'script.lua');
  await writeFile(path, source);
  return loadScript(pathToFileURL(path));
}

it('runs once a call, known to the server or not', async () => {
  const script = await scriptOf(`return redis.call('INCRBY', KEYS[1], ARGV[1])`);
  expect(await runScript(redis, script, ['count'], [5])).toBe(5);
  expect(await redis.script('EXISTS', script.sha1)).toEqual([1]);
  expect(await runScript(redis, script, ['count'], ['5'])).toBe(10);
  await redis.script('FLUSH');
  expect(await runScript(redis, script, ['count'], [1])).toBe(11);
});

it('passes bytes on as they are, and gives strings back as bytes', async () => {
  const script = await scriptOf('return { ARGV[1], KEYS[1], KEYS[2], #KEYS, #ARGV, false }');
  const bytes = Buffer.from('00ff0d0a09', 'hex');
  expect(await runScript(redis, script, ['ké', ''], [bytes])).toEqual([
    bytes,
    Buffer.from('ké'),
    Buffer.from(''),
    2,
    1,
    null,
  ]);
});

it('passes an error of the script on, and does not run it again', async () => {
  const script = await scriptOf(`redis.call('INCR', KEYS[1]); return redis.error_reply('ERR no luck')`);
  await expect(runScript(redis, script, ['tries'], [])).rejects.toThrow('no luck');
  await expect(runScript(redis, script, ['tries'], [])).rejects.toThrow('no luck');
  expect(await redis.get('tries')).toBe('2');
});
