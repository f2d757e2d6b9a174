/**
 * Rows and columns to derive proposals from.
 */
import type { SampledColumn, SampleRow, Sighting } from '../../../src/domain/adoption/sample-row.ts';

export function sampleRow(
  texts: Readonly<Record<string, string>>,
  timesMs: Readonly<Record<string, number>> = {},
): SampleRow {
  return { texts: new Map(Object.entries(texts)), timesMs: new Map(Object.entries(timesMs)) };
}

export function sampledColumn(name: string, changes: Partial<SampledColumn> = {}): SampledColumn {
  return {
    name,
    kind: 'text',
    notNull: true,
    isSortable: true,
    isUnique: false,
    isPrimaryKey: false,
    isTime: false,
    labels: null,
    seemsUnique: false,
    ...changes,
  };
}

export function sighting(row: SampleRow, value: string, endsAtMs: number | null = null): Sighting {
  return { row, value, endsAtMs };
}
