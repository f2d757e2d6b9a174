/**
 * When a marker's window ends, by the markers that were seen, or by the names of columns.
 */
import { describe, expect, it } from 'vitest';
import { proposeWindow } from '../../../src/domain/adoption/propose-window.ts';
import type { Sighting } from '../../../src/domain/adoption/sample-row.ts';
import { sampledColumn, sampleRow, sighting } from './sample-rows.ts';

const dayMs = 86_400_000;
const start = Date.UTC(2026, 10, 21);

const columns = ['paid_at', 'created_at', 'expires_at'].map((name) => sampledColumn(name, { isTime: true }));

/** Rows made a minute after another, whose markers live `lengthMs` from then on. */
function markersOf(lengthMs: number, offMs: (at: number) => number = () => 0): Sighting[] {
  return Array.from({ length: 10 }, (_, at) => {
    const createdMs = start + at * 60_000;
    const times = { created_at: createdMs, paid_at: createdMs + at * 7_000_000 };
    return sighting(sampleRow({}, times), 'a', createdMs + lengthMs + offMs(at));
  });
}

describe('with markers', () => {
  it('is the column that says when they end', () => {
    const seen = markersOf(dayMs).map((each) => ({
      ...each,
      row: sampleRow({}, { created_at: start, expires_at: (each.endsAtMs ?? 0) + 900 }),
    }));
    expect(proposeWindow(columns, seen)).toEqual({
      kind: 'expires_at',
      column: 'expires_at',
      evidence: 'it is when 10 markers that were looked at end',
    });
  });

  it.each([
    ['30 s', 30_000],
    ['90 m', 5_400_000],
    ['171 h', 171 * 3_600_000],
    ['200.5 d', 200.5 * dayMs],
    ['180 d', 180 * dayMs],
  ])('is a length of %s after the column that they follow', (_, ttlMs) => {
    expect(
      proposeWindow(
        columns,
        markersOf(ttlMs, (at) => at * 40),
      ),
    ).toMatchObject({
      kind: 'created_at',
      column: 'created_at',
      ttlMs,
    });
  });

  it('is found although some markers are wrong or do not end', () => {
    const seen = markersOf(dayMs, (at) => (at === 3 ? 50_000_000 : 0));
    const immortal = { ...sighting(sampleRow({}, { created_at: start }), 'a'), endsAtMs: null };
    expect(proposeWindow(columns, [...seen, immortal])).toMatchObject({ column: 'created_at', ttlMs: dayMs });
  });

  it('is told of one marker, too', () => {
    const [one] = markersOf(dayMs);
    expect(proposeWindow(columns, one === undefined ? [] : [one])).toEqual({
      kind: 'created_at',
      column: 'created_at',
      ttlMs: dayMs,
      evidence: 'one marker that was looked at ends that long after it',
    });
  });

  it('goes by the name where two columns hold the same time', () => {
    const seen = [sighting(sampleRow({}, { paid_at: start, created_at: start }), 'a', start + dayMs)];
    expect(proposeWindow(columns, seen)).toMatchObject({ column: 'created_at' });
    const ends = [sighting(sampleRow({}, { paid_at: start, expires_at: start }), 'a', start)];
    expect(proposeWindow(columns, ends)).toMatchObject({ kind: 'expires_at', column: 'expires_at' });
  });

  it('is no column that lies behind the end, nor one that markers do not follow', () => {
    const behind = [sighting(sampleRow({}, { paid_at: start + dayMs }), 'a', start)];
    const times = [sampledColumn('paid_at', { isTime: true })];
    expect(proposeWindow(times, behind)).toEqual({ kind: 'unknown' });
    const free = markersOf(dayMs, (at) => at * at * 1_000_000);
    expect(proposeWindow(times, free)).toEqual({ kind: 'unknown' });
  });
});

describe('without markers', () => {
  it('is a column that is called like an end', () => {
    expect(proposeWindow(columns, [])).toMatchObject({ kind: 'expires_at', column: 'expires_at' });
  });

  it('is a column that is called like a beginning, and no length is guessed', () => {
    expect(proposeWindow(columns.slice(0, 2), [])).toMatchObject({ column: 'created_at', ttlMs: null });
  });

  it('is unknown otherwise', () => {
    expect(proposeWindow([sampledColumn('expires_at')], [])).toEqual({ kind: 'unknown' });
  });
});
