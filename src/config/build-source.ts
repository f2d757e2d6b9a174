/**
 * Makes a `Source` of what the schema read, and derives what follows from it.
 * Expects a tree without problems: keys that depend on each other are there together.
 */
import type { Source } from '../domain/source.ts';
import { templateColumns } from '../domain/template.ts';
import { buildAddress } from './distributor-schema.ts';
import { sourceDefaults, type SourceInput } from './source-schema.ts';

/** The tolerance, where none is given, is this part of the ttl. */
const toleranceShareOfTtl = 0.1;

/** @param folder that of the configuration file, absolute: where a distributor's module is looked for */
export function buildSource(name: string, input: SourceInput, folder: string): Source {
  const { columns, marker, distributor, position } = input;
  const value = marker.value.text === 'any' ? null : marker.value.parts;
  const isUnique = marker.valueIsUnique === undefined ? undefined : marker.valueIsUnique === 'true';
  return {
    name,
    table: input.table,
    columns: {
      id: columns.id,
      attempt: columns.attempt,
      status: columns.status,
      change: position === undefined ? (columns.change ?? sourceDefaults.changeColumn) : null,
      expiry: buildExpiry(input),
    },
    ...(position === undefined ? {} : { position }),
    marker: {
      key: marker.key.parts,
      value,
      ...(marker.hashField === undefined ? {} : { hashField: marker.hashField }),
      ...(isUnique === undefined ? {} : { valueIsUnique: isUnique }),
    },
    statuses: input.statuses,
    rules: {
      mode: input.mode,
      policy: input.policy,
      toleranceMs: marker.tolerance ?? defaultToleranceMs(marker.ttl),
      ...(marker.ttl === 'never' ? { endless: true } : {}),
      valueNamesAttempt: value !== null && (isUnique ?? templateColumns(value).includes(columns.attempt)),
      graceMs: input.grace,
      brake: input.brake,
      notGranted: distributor?.notGranted ?? 'grant',
    },
    distributor: buildAddress(distributor, folder),
    schedule: input.schedule,
    rewindMs: input.rewind,
  };
}

function buildExpiry({ columns, marker }: SourceInput): Source['columns']['expiry'] {
  if (marker.ttl === 'never') return { never: true };
  if (columns.expiresAt !== undefined) return { expiresAt: columns.expiresAt };
  if (columns.createdAt !== undefined && marker.ttl !== undefined) {
    return { createdAt: columns.createdAt, ttlMs: marker.ttl };
  }
  throw new Error('a source without an expiry must have been refused');
}

function defaultToleranceMs(ttlMs: number | 'never' | undefined): number {
  if (ttlMs === undefined || ttlMs === 'never') return sourceDefaults.toleranceMs;
  return Math.max(1, Math.min(sourceDefaults.toleranceMs, Math.round(ttlMs * toleranceShareOfTtl)));
}
