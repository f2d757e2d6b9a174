/**
 * The history of a nemesis: what both Redis servers carried out and what Postgres committed, from the first moment on.
 * Does not judge: see `judge-history.ts`.
 */
import type { Pool } from 'pg';
import { inOrder, type HistoryEvent, type MarkEvent } from '../../support/history/events.ts';
import { recordRedis, type RedisRecorder } from '../../support/history/record-redis.ts';
import { recordedRows, recordRows } from '../../support/history/record-rows.ts';

export class Recording {
  readonly #pool: Pool;
  readonly #queue: RedisRecorder;
  /** The last one is of the server that holds the markers now. */
  readonly #markers: RedisRecorder[];
  readonly #marks: MarkEvent[] = [];

  private constructor(pool: Pool, queue: RedisRecorder, markers: RedisRecorder) {
    this.#pool = pool;
    this.#queue = queue;
    this.#markers = [markers];
  }

  static async begin(
    pool: Pool,
    urls: { readonly queue: string; readonly markers: string },
  ): Promise<Recording> {
    await recordRows(pool);
    return new Recording(
      pool,
      await recordRedis(urls.queue, 'queue'),
      await recordRedis(urls.markers, 'markers'),
    );
  }

  mark(text: string): void {
    this.#marks.push({ kind: 'mark', atMs: Date.now(), text });
  }

  /** The server that holds the markers is about to end: all that it did is written down first. */
  async endMarkers(): Promise<void> {
    await this.#markers.at(-1)?.catchUp();
    this.#markers.at(-1)?.stop();
  }

  /** Another server holds the markers from here on. */
  async followMarkers(url: string): Promise<void> {
    this.#markers.push(await recordRedis(url, 'markers'));
  }

  /** All of it so far. */
  async read(): Promise<HistoryEvent[]> {
    await Promise.all([this.#queue.catchUp(), this.#markers.at(-1)?.catchUp()]);
    const commands = [this.#queue, ...this.#markers].map(({ events }) => events);
    return inOrder(...commands, await recordedRows(this.#pool), this.#marks);
  }

  stop(): void {
    for (const recorder of [this.#queue, ...this.#markers]) recorder.stop();
  }
}
