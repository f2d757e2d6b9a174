/**
 * What an application asks of a gate, and what it is told.
 * Invariant kept: `refused` and `already_claimed` mean that nothing was handed out under this attempt; no answer of a
 * store or of the distributor is `unknown`, never one of those.
 */
import type { ColumnInput } from '../domain/claim-input.ts';

export interface ClaimRequest {
  /**
   * The claim's columns by name: all of the marker's key and value but the attempt, and those that the table cannot do
   * without. Integers as number, bigint or decimal text, uuids and texts (at most 512 characters) as text. What the gate
   * sets itself (attempt, status, change, the window) is left out.
   */
  readonly columns: Readonly<Record<string, ColumnInput>>;
  /**
   * The idempotency key at the distributor: 1 to 200 characters, a uuid if the column is one. A random uuid unless given.
   * One attempt is one try: whoever gives it again is told `already_claimed` with itself as holder.
   */
  readonly attempt?: string;
  /** How long the marker is to live, in milliseconds; or `expiresAt`. Neither where the source fixes it. */
  readonly ttlMs?: number;
  readonly expiresAt?: Date;
}

export interface Granted {
  readonly kind: 'granted';
  readonly attempt: string;
  /** The id of the claim's row, as text. */
  readonly claimId: string;
}

export interface AlreadyClaimed {
  readonly kind: 'already_claimed';
  /** The value of the marker that stands in the way; null where it is not known. */
  readonly holder: string | null;
}

export interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
  readonly attempt: string;
  /** Null when it was refused before anything was touched: what is to be claimed is not open. */
  readonly claimId: string | null;
}

/** Accepted: it may have been handed out, or may be yet. The reconciler settles it; `lookup` tells what became of it. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly attempt: string;
  readonly reason: string;
}

export type ClaimAnswer = Granted | AlreadyClaimed | Refused | Unknown;

/** What became of an attempt, by its row. */
export type AttemptState =
  | { readonly kind: 'granted'; readonly claimId: string }
  | { readonly kind: 'refused'; readonly claimId: string }
  /** Not settled yet, or a row that cannot be understood: `reason` says which. */
  | { readonly kind: 'unknown'; readonly claimId: string; readonly reason: string }
  /** No row: nobody tried, it lost, or it is on its way to Postgres or stuck there; the reconciler settles the latter. */
  | { readonly kind: 'not_found' };
