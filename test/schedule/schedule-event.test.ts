/**
 * Every event has a sentence for people.
 */
import { expect, it } from 'vitest';
import { describeScheduleEvent, type ScheduleEvent } from '../../src/schedule/schedule-event.ts';

const slot = new Date('2026-03-01T12:00:00Z');
const task = 'gifts';
const reason = 'the reason.';
const jobId = 'gifts-20260301T120000Z';

const events: readonly (readonly [string, ScheduleEvent, string])[] = [
  ['info', { kind: 'term_began', lease: 'the lease', fencingToken: '7' }, 'fencing token 7'],
  ['info', { kind: 'term_ended', lease: 'the lease', reason }, reason],
  ['warn', { kind: 'lease_unavailable', reason }, reason],
  ['error', { kind: 'lease_stuck', reason }, reason],
  ['debug', { kind: 'slot_enqueued', task, slot }, 'slot 2026-03-01T12:00:00.000Z of gifts'],
  ['warn', { kind: 'slot_skipped', task, slot }, 'has not ended'],
  ['debug', { kind: 'slot_taken', task, slot, holder: 'another' }, 'another'],
  ['error', { kind: 'slot_lost', task, slot, reason }, reason],
  ['error', { kind: 'fire_failed', task, reason }, reason],
  ['warn', { kind: 'fire_overlapped', task }, task],
  ['error', { kind: 'fire_hung', task, forMs: 90_000 }, '90.0 s'],
  ['warn', { kind: 'fire_overdue', task }, 'two intervals'],
  ['warn', { kind: 'clock_jumped', byMs: -7_200_000 }, '-7200.0 s'],
  ['error', { kind: 'job_refused', jobId, reason }, jobId],
  ['error', { kind: 'job_failed', jobId, reason }, reason],
  ['warn', { kind: 'job_stalled', jobId, isRunAgain: true }, `${jobId} stalled`],
  ['warn', { kind: 'job_stalled', jobId, isRunAgain: false }, 'It is not run again'],
  ['warn', { kind: 'job_lock_lost', jobId }, jobId],
  ['warn', { kind: 'queue_trouble', reason }, reason],
];

it.each(events.map(([level, event, words]) => [event.kind, level, event, words] as const))(
  '%s: told at level %s',
  (_kind, level, event, words) => {
    const sentence = describeScheduleEvent(event);
    expect(sentence.level).toBe(level);
    expect(sentence.text).toContain(words);
  },
);
