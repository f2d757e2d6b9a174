/**
 * What is asked of the reading of a window, and how it ends. See `judge-window.ts` and `spread-window.ts`.
 */
import type { Position } from '../domain/claim.ts';
import type { Chunk } from '../postgres/chunk.ts';
import type { Stretch } from './judge-pages.ts';

/** Tells other workers of chunks that they may judge. What is not heard does no harm. */
export type OfferChunks = (chunks: readonly Pick<Chunk, 'passId' | 'number'>[]) => void;

export interface WindowRequest extends Stretch {
  readonly passId: string;
  /** Told after what was judged up to there is kept. */
  readonly onKept: (to: Position) => void;
  /** Given where other workers may help. */
  readonly offerChunks?: OfferChunks | undefined;
}

/** Why reading ended: the window's end, the signal, or far too many bad claims. */
export type WindowEnd = 'completed' | 'stopped' | 'braked';
