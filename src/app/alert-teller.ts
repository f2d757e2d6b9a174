/**
 * Tells people about alerts, by the log: each once per process, as long as it lasts.
 * The alert itself is stored before; nothing is lost when nobody reads the log.
 */
import type pg from 'pg';
import { readOpenAlerts } from '../postgres/alert.ts';
import type { Sentences } from './log-sentences.ts';

export class AlertTeller {
  readonly #pool: pg.Pool;
  readonly #sentences: Sentences;
  readonly #told = new Map<string, Set<string>>();

  constructor(pool: pg.Pool, sentences: Sentences) {
    this.#pool = pool;
    this.#sentences = sentences;
  }

  /** Logs what is open for a source and was not told yet. */
  async tell(source: string): Promise<void> {
    const open = await readOpenAlerts(this.#pool, source);
    const told = this.#told.get(source) ?? new Set();
    for (const alert of open) if (!told.has(alert.id)) this.#sentences.alertRaised(alert);
    this.#told.set(source, new Set(open.map(({ id }) => id)));
  }
}
