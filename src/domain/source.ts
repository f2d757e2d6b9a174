/**
 * A source: one configured claim table with its marker mapping and policy, as the rest of the program sees it.
 * All times are milliseconds, shares lie between 0 and 1. Read from files in `config.ts`, which checks it.
 */
import type { ClaimStatus } from './claim.ts';
import type { Template } from './template.ts';
import type { Policy } from './verdict.ts';

export type Mode = 'observe' | 'repair';

export interface BrakeLimits {
  /** The most repairs one plan may hold. */
  readonly repairsPerPlan: number;
  /** The most repairs in any rolling hour, over all workers and manual jobs. */
  readonly repairsPerHour: number;
  /** The largest share of judged claims that may be bad. */
  readonly share: number;
  /** Judged claims below which the share says nothing. */
  readonly shareSample: number;
}

/** What decisions depend on. */
export interface SourceRules {
  readonly mode: Mode;
  readonly policy: Policy;
  /** How far a marker's expiry may lie from its claim's, either way. */
  readonly toleranceMs: number;
  /** True when no two attempts ever store the same marker value. */
  readonly valueNamesAttempt: boolean;
  /** The application's markers have no expiry on purpose. */
  readonly endless?: boolean;
  /** How long a committed row is left alone before it is judged. */
  readonly graceMs: number;
  readonly brake: BrakeLimits;
  /** What becomes of a pending claim of which the distributor knows nothing: granted again under its key, or released. */
  readonly notGranted: NotGranted;
}

export const notGrantedChoices = ['grant', 'release'] as const;
export type NotGranted = (typeof notGrantedChoices)[number];

/** Where the distributor is: an HTTP address, or the application's own module with the same two functions. */
export type DistributorAddress =
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      /** For one call, with all its retries. */
      readonly timeoutMs: number;
      readonly retries: number;
    }
  | { readonly kind: 'module'; readonly file: string; readonly timeoutMs: number };

/** A column that says so, or one that says when the window began, plus a length; or never (see `endOfTimeMs`). */
export type ClaimExpiry =
  | { readonly expiresAt: string }
  | { readonly createdAt: string; readonly ttlMs: number }
  | { readonly never: true };

/** The column that a window is reckoned from, and its key in the configuration; null where windows never end. */
export function windowColumn(
  expiry: ClaimExpiry,
): { readonly column: string; readonly key: 'expiresAt' | 'createdAt' } | null {
  if ('never' in expiry) return null;
  return 'expiresAt' in expiry
    ? { column: expiry.expiresAt, key: 'expiresAt' }
    : { column: expiry.createdAt, key: 'createdAt' };
}

export interface ClaimColumns {
  readonly id: string;
  readonly attempt: string;
  readonly status: string;
  /** The `xid8` column that the trigger stamps; null for a source that is read by its `position`. */
  readonly change: string | null;
  /** When the marker's window ends. */
  readonly expiry: ClaimExpiry;
}

/** How to read a table that may not be altered: by a column that grows with every new row, or with every change. */
export interface ClaimPosition {
  readonly column: string;
  /** How far behind the greatest value new changes are looked for: as a time before it, or as so many ids. */
  readonly overlap:
    { readonly kind: 'time'; readonly ms: number } | { readonly kind: 'ids'; readonly count: number };
}

export interface Source {
  readonly name: string;
  readonly table: { readonly schema: string; readonly name: string };
  readonly columns: ClaimColumns;
  /** Given if, and only if, `columns.change` is null. */
  readonly position?: ClaimPosition;
  readonly marker: {
    readonly key: Template;
    /** Null: the application stores a constant, any value will do. */
    readonly value: Template | null;
    /** Given where markers are hashes: the field that holds the value. */
    readonly hashField?: string;
    /** Whether no two attempts ever store the same value. Without it a unique index on the attempt's column says so. */
    readonly valueIsUnique?: boolean;
  };
  /** The application's own status words; a word that is in none of them makes the claim unreadable. */
  readonly statuses: Readonly<Record<ClaimStatus, readonly string[]>>;
  readonly rules: SourceRules;
  /** Null: nobody can be asked what became of a claim in doubt, and people are told. */
  readonly distributor: DistributorAddress | null;
  /** A cron expression with seconds (six fields) or without (five), in UTC unless configured otherwise. */
  readonly schedule: string;
  /** How far the checkpoint goes back when the marker Redis may have lost writes. */
  readonly rewindMs: number;
}
