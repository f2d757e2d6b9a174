/**
 * A Redis server for one test file and a world for each of its tests, cleared away afterwards.
 */
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { RunningServer } from '../../../src/embedded/running-server.ts';
import { startRedis } from '../../../src/embedded/start-redis.ts';
import { createWorld, type World } from './world.ts';

export interface Worlds {
  /** Another world; `markersUrl` leads to the markers by another way. */
  readonly create: (markersUrl?: string) => Promise<World>;
  readonly redis: () => RunningServer;
}

/** To be called once at the top of a test file. */
export function useWorlds(): Worlds {
  let redis: RunningServer;
  const worlds: World[] = [];
  beforeAll(async () => {
    redis = await startRedis({ env: process.env });
  });
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.drop();
  });
  afterAll(async () => redis.stop());
  return {
    redis: () => redis,
    create: async (markersUrl) => {
      const world = await createWorld({
        redisUrl: redis.url,
        ...(markersUrl === undefined ? {} : { markersUrl }),
      });
      worlds.push(world);
      return world;
    },
  };
}
