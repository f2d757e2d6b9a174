/**
 * Writers of gift claims that a test leads by the hand, each on a connection of its own, with a model beside the
 * database: what each transaction has written, where its savepoints are, what is prepared, and which version of each row
 * is committed.
 * Invariant kept: nothing is asked of a writer that would make it wait for another's row.
 */
import type { Redis } from 'ioredis';
import { Client, type Pool } from 'pg';
import { insertClaim, type Status } from '../../reconcile/support/random-writers.ts';

/** Status by the row's id. */
type Written = ReadonlyMap<string, Status>;

interface Transaction {
  readonly changeXid: string | null;
  readonly written: Written;
  /** What was written when each of its savepoints was set. */
  readonly savepoints: readonly Written[];
}

export interface Version {
  readonly changeXid: string;
  readonly status: Status;
}

export const writerCount = 3;

export class ClaimWriters {
  readonly #clients: readonly Client[];
  readonly #pool: Pool;
  readonly #redis: Redis;
  readonly #open = new Map<number, Transaction>();
  readonly #prepared = new Map<string, Transaction>();
  /** By the row's id. */
  readonly committed = new Map<string, Version>();
  /** Transactions that were committed behind another that began later: who reads in another order loses these. */
  overtaken = 0;
  #names = 0;
  #uid = 0;

  private constructor(clients: readonly Client[], pool: Pool, redis: Redis) {
    this.#clients = clients;
    this.#pool = pool;
    this.#redis = redis;
  }

  static async connect(url: string, pool: Pool, redis: Redis): Promise<ClaimWriters> {
    const clients = Array.from({ length: writerCount }, () => new Client({ connectionString: url }));
    await Promise.all(clients.map(async (client) => client.connect()));
    return new ClaimWriters(clients, pool, redis);
  }

  isIn(writer: number): boolean {
    return this.#open.has(writer);
  }

  hasSavepoint(writer: number): boolean {
    return (this.#open.get(writer)?.savepoints.length ?? 0) > 0;
  }

  preparedCount(): number {
    return this.#prepared.size;
  }

  /** How many transactions have written and not ended. */
  underWay(): number {
    return this.#unended().filter(({ changeXid }) => changeXid !== null).length;
  }

  /** Rows that this writer sees and nobody else has changed. */
  free(writer: number): readonly string[] {
    const own = this.#open.get(writer);
    const taken = new Set(
      this.#unended().flatMap((other) => (other === own ? [] : [...other.written.keys()])),
    );
    const seen = new Set([...this.committed.keys(), ...(own?.written.keys() ?? [])]);
    return [...seen].filter((id) => !taken.has(id));
  }

  async begin(writer: number): Promise<void> {
    await this.#client(writer).query('begin');
    this.#open.set(writer, { changeXid: null, written: new Map(), savepoints: [] });
  }

  /** In a transaction of its own when none is open. */
  async insert(writer: number, status: Status): Promise<void> {
    await this.#inTransaction(writer, async () => {
      this.#uid += 1;
      const id = await insertClaim(this.#client(writer), this.#redis, this.#uid, status);
      await this.#note(writer, id, status);
    });
  }

  async update(writer: number, id: string, status: Status): Promise<void> {
    await this.#inTransaction(writer, async () => {
      await this.#client(writer).query('update gift_claim set status = $2 where id = $1', [id, status]);
      await this.#note(writer, id, status);
    });
  }

  async savepoint(writer: number): Promise<void> {
    const { written, savepoints, changeXid } = this.#transaction(writer);
    await this.#client(writer).query(`savepoint level_${savepoints.length}`);
    this.#open.set(writer, { changeXid, written, savepoints: [...savepoints, written] });
  }

  async rollbackToSavepoint(writer: number): Promise<void> {
    const { written, savepoints, changeXid } = this.#transaction(writer);
    await this.#client(writer).query(`rollback to savepoint level_${savepoints.length - 1}`);
    this.#open.set(writer, { changeXid, written: savepoints.at(-1) ?? written, savepoints });
  }

  async end(writer: number, how: 'commit' | 'rollback'): Promise<void> {
    const transaction = this.#transaction(writer);
    await this.#client(writer).query(how);
    this.#open.delete(writer);
    if (how === 'commit') this.#keep(transaction);
  }

  async prepare(writer: number): Promise<void> {
    const transaction = this.#transaction(writer);
    this.#names += 1;
    const name = `prepared_${this.#names}`;
    await this.#client(writer).query(`prepare transaction '${name}'`);
    this.#open.delete(writer);
    this.#prepared.set(name, transaction);
  }

  /** @param at which of the prepared ones; there must be so many */
  async endPrepared(at: number, how: 'commit' | 'rollback'): Promise<void> {
    const [name, transaction] = [...this.#prepared][at] ?? [];
    if (name === undefined || transaction === undefined) throw new Error('nothing is prepared');
    await this.#pool.query(`${how} prepared '${name}'`);
    this.#prepared.delete(name);
    if (how === 'commit') this.#keep(transaction);
  }

  async endAll(how: 'commit' | 'rollback'): Promise<void> {
    for (const writer of this.#open.keys()) await this.end(writer, how);
    while (this.#prepared.size > 0) await this.endPrepared(0, how);
  }

  /** What is open is rolled back, and what is on the books forgotten. */
  async reset(): Promise<void> {
    await this.endAll('rollback');
    this.committed.clear();
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map(async (client) => client.end()));
  }

  async #inTransaction(writer: number, write: () => Promise<void>): Promise<void> {
    const isOwn = !this.isIn(writer);
    if (isOwn) await this.begin(writer);
    await write();
    if (isOwn) await this.end(writer, 'commit');
  }

  async #note(writer: number, id: string, status: Status): Promise<void> {
    const { written, savepoints, changeXid } = this.#transaction(writer);
    this.#open.set(writer, {
      changeXid: changeXid ?? (await currentXid(this.#client(writer))),
      written: new Map([...written, [id, status]]),
      savepoints,
    });
  }

  #keep({ changeXid, written }: Transaction): void {
    if (changeXid === null) return;
    const others = [...this.committed.values()];
    if (written.size > 0 && others.some((other) => BigInt(other.changeXid) > BigInt(changeXid))) {
      this.overtaken += 1;
    }
    for (const [id, status] of written) this.committed.set(id, { changeXid, status });
  }

  #unended(): readonly Transaction[] {
    return [...this.#open.values(), ...this.#prepared.values()];
  }

  #transaction(writer: number): Transaction {
    const transaction = this.#open.get(writer);
    if (transaction === undefined) throw new Error(`writer ${writer} is in no transaction`);
    return transaction;
  }

  #client(writer: number): Client {
    const client = this.#clients[writer];
    if (client === undefined) throw new Error(`there is no writer ${writer}`);
    return client;
  }
}

async function currentXid(client: Client): Promise<string> {
  const { rows } = await client.query<{ xid: string }>('select pg_current_xact_id()::text as xid');
  const [row] = rows;
  if (row === undefined) throw new Error('a select without from returned no row');
  return row.xid;
}
