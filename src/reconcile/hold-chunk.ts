/**
 * Holds a chunk while it is judged: says every second that it still is, however long a page waits for its turn.
 * Does not protect what is recorded: `touchChunk` does.
 */
import { OperatingError } from '../domain/operating-error.ts';
import { showChunk, type TakenChunk } from '../postgres/chunk.ts';
import type { SourceContext } from './source-context.ts';

export interface HeldChunk {
  /** Aborts when somebody else has taken it, or its pass has ended: what is still found would not be recorded. */
  readonly lost: AbortSignal;
  readonly release: () => void;
}

const showEveryMs = 1_000;

export function holdChunk({ pool }: SourceContext, chunk: TakenChunk): HeldChunk {
  const losing = new AbortController();
  const show = async (): Promise<void> => {
    if (await showChunk(pool, chunk)) return;
    losing.abort(
      new OperatingError('fenced_out', 'The chunk is judged by somebody else, or its pass has ended.'),
    );
  };
  // A store that does not answer is met by the next page.
  const timer = setInterval(() => void show().catch(() => undefined), showEveryMs);
  return { lost: losing.signal, release: () => clearInterval(timer) };
}
