/**
 * Boots one PostgreSQL and one Redis for the whole run and tells the tests where they are.
 * Servers named by DATABASE_URL or REDIS_URL are never used: tests drop databases and flush.
 */
import type { TestProject } from 'vitest/node';
import { bootServers } from '../src/embedded/boot-servers.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The superuser's url of the database `postgres`. */
    databaseUrl: string;
    /** Database 0, in which tests keep only the list of databases in use (test/support/redis.ts). */
    redisUrl: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string): void => console.log(line);
  const servers = await bootServers({ env: process.env, say, fresh: true });
  say(`PostgreSQL from ${servers.postgresOrigin}, Redis from ${servers.redisOrigin}`);
  project.provide('databaseUrl', servers.databaseUrl);
  project.provide('redisUrl', servers.redisUrl);
  return async () => servers.stop();
}
