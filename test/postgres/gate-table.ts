/**
 * The claim table of `shop-table.ts` as the gate wants it, and what is said against one that is not: for the tests of
 * opening it.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { OperatingError } from '../../src/domain/operating-error.ts';
import type { Source } from '../../src/domain/source.ts';
import { openClaimTable, type ClaimTable } from '../../src/postgres/claim-table.ts';
import { shopSource, useShop, type Changes, type Shop } from './shop-table.ts';

export const liveIndex = `create unique index live_claim on shop.gift_claim (uid) where status in ('pending', 'granted');`;

export interface GateShop extends Shop {
  readonly createGateTable: (columns?: Readonly<Record<string, string>>, index?: string) => Promise<void>;
  readonly open: (changes?: Changes) => Promise<ClaimTable>;
  /** What is said against a table, a line each. */
  readonly problemsOf: (changes?: Changes) => Promise<string[]>;
  /** Runs what the problems say, and returns what is left. */
  readonly putRight: (changes?: Changes) => Promise<string[]>;
  /** A pool of a role that may connect and nothing else but what `grants` gives it; the statements may say ROLE. */
  readonly poolAs: (grants: string) => Promise<pg.Pool>;
  /** The name of that role. */
  readonly role: string;
}

/** To be called once at the top of a test file. */
export function useGateShop(): GateShop {
  const shop = useShop();
  const role = `seller_${randomBytes(6).toString('hex')}`;
  const pools: pg.Pool[] = [];
  beforeAll(async () => shop.run(`create role ${role}`));
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    await shop.run(`drop owned by ${role}; drop role ${role};`);
  });
  const open = async (changes: Changes = {}): Promise<ClaimTable> =>
    openClaimTable(shop.pool(), shopSource(changes));
  const problemsOf = async (changes: Changes = {}): Promise<string[]> =>
    problemsIn(shop.pool(), shopSource(changes));
  return {
    ...shop,
    role,
    open,
    problemsOf,
    createGateTable: async (columns = {}, index = liveIndex) => {
      await shop.createRightTable(columns);
      await shop.run(index);
    },
    putRight: async (changes) => {
      for (const problem of await problemsOf(changes)) {
        const statement = /run: (.*;)$/.exec(problem)?.[1];
        if (statement !== undefined) await shop.run(statement);
      }
      return problemsOf(changes);
    },
    poolAs: async (grants) => {
      await shop.run(grants.replaceAll('ROLE', role));
      const { connectionString } = shop.pool().options;
      const pool = new pg.Pool({ connectionString, options: `-c role=${role}`, max: 2 });
      pool.on('error', () => undefined);
      pools.push(pool);
      return pool;
    },
  };
}

export async function problemsIn(pool: pg.Pool, source: Source): Promise<string[]> {
  try {
    await openClaimTable(pool, source);
    return [];
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    expect(error.code).toBe('configuration');
    const [first, ...lines] = error.message.split('\n');
    expect(first).toBe('The gate cannot write claims of the source gifts; nothing was changed:');
    return lines.map((line) => line.replace(/^ {2}- /, ''));
  }
}
