/**
 * Who is told what, and where it says what to do.
 */
import { expect, it } from 'vitest';
import { runbookLink, severitiesFrom } from '../../src/domain/alert-message.ts';

it('tells a receiver what is at least as grave as it wants', () => {
  expect(severitiesFrom('info')).toEqual(['info', 'warning', 'critical']);
  expect(severitiesFrom('warning')).toEqual(['warning', 'critical']);
  expect(severitiesFrom('critical')).toEqual(['critical']);
});

it('links to the place of a kind in the run-book', () => {
  expect(runbookLink('https://wiki.example/claims', 'in_doubt')).toBe('https://wiki.example/claims#in_doubt');
  expect(runbookLink('docs/runbook.md', 'a b<')).toBe('docs/runbook.md#a%20b%3C');
});
