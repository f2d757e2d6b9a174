/**
 * Writers of a claim table, as an application has them: short transactions that insert and update, one after another,
 * with the time of the slowest.
 */
import { Client } from 'pg';

export interface Writers {
  readonly written: () => number;
  /** The slowest write since the last call, in milliseconds. */
  readonly takeSlowestMs: () => number;
  /** What went wrong, in words. */
  readonly stop: () => Promise<readonly string[]>;
}

/** @param rows ids from 1 to this are updated */
export function startWriters(url: string, count: number, rows: number): Writers {
  let [written, slowestMs] = [0, 0];
  const asked = new AbortController();
  const failures: string[] = [];
  const write = async (writer: number): Promise<void> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      for (let turn = 1; !asked.signal.aborted; turn += 1) {
        const startedAtMs = performance.now();
        await client.query(
          `insert into gift_claim (activity_id, gift_id, uid, status, expires_at)
           values (7, $1, $2, 'granted', now() + interval '180 d')`,
          [100 + writer, turn],
        );
        await client.query(`update gift_claim set note = 'seen' where id = $1`, [1 + ((turn * 7919) % rows)]);
        slowestMs = Math.max(slowestMs, performance.now() - startedAtMs);
        written += 2;
      }
    } finally {
      await client.end();
    }
  };
  const all = Array.from({ length: count }, async (_, writer) =>
    write(writer).catch((error: unknown) => void failures.push(String(error))),
  );
  return {
    written: () => written,
    takeSlowestMs: () => {
      const taken = slowestMs;
      slowestMs = 0;
      return taken;
    },
    stop: async () => {
      asked.abort();
      await Promise.all(all);
      return failures;
    },
  };
}
