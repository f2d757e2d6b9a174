/**
 * The frame of a bench: compiled code, servers of its own, claims with their markers.
 * Invariant kept: whatever becomes of the bench, servers, database and code are gone afterwards.
 */
import { openDemoStores, type OpenDemoStores } from '../src/demo/demo-stores.ts';
import { fillGifts, type GrantedClaim } from '../src/demo/fill-claims.ts';
import { makeClaims } from '../src/demo/synthetic-claims.ts';
import { bootServers } from '../src/embedded/boot-servers.ts';
import { compileBench } from './compile-bench.ts';
import type { StoresAddress } from './way.ts';

export interface BenchOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Gets lines about what takes long. */
  readonly say: (line: string) => void;
}

export interface BenchGround {
  readonly stores: OpenDemoStores;
  /** The same, as another process can be told. */
  readonly address: StoresAddress;
  /** The folder with the compiled code. */
  readonly compiled: string;
  readonly granted: readonly GrantedClaim[];
}

/** Fills `rows` claims and runs `work` over them. */
export async function withClaims<T>(
  { env, say }: BenchOptions,
  rows: number,
  work: (ground: BenchGround) => Promise<T>,
): Promise<T> {
  say('compiling …');
  const compiled = compileBench();
  const servers = await bootServers({ env, say, fresh: true });
  try {
    const stores = await openDemoStores(servers);
    try {
      say(`filling ${rows} claims …`);
      const granted = await fillGifts(stores, makeClaims(rows));
      await stores.pool.query('vacuum analyze gift_claim');
      const { databaseUrl, redisUrl, prefix, namespace } = stores;
      const address = { databaseUrl, redisUrl, prefix, namespace };
      return await work({ stores, address, compiled: compiled.folder, granted });
    } finally {
      await stores.close();
    }
  } finally {
    await servers.stop();
    compiled.remove();
  }
}
