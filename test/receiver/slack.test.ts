/**
 * What a chat is sent: text that says what matters, and nothing in it that acts.
 */
import { describe, expect, it } from 'vitest';
import { writeSlack } from '../../src/receiver/slack.ts';
import type { AlertMessage } from '../../src/domain/alert-message.ts';
import { messageOf } from './messages.ts';

function textOf(changes: Partial<AlertMessage> = {}): string {
  const { text, ...others } = JSON.parse(writeSlack(messageOf(changes)).body) as { text: string };
  expect(others).toEqual({});
  return text;
}

describe('a message to a chat', () => {
  it('says what it is, since when, and where it says what to do', () => {
    expect(textOf()).toBe(
      '[warning] gifts, in_doubt: 3 claims of gifts are in doubt.\n' +
        'Open since 2026-03-01T12:00:00.000Z. Alert 17. What to do: https://wiki.example/claims#in_doubt',
    );
    expect(textOf({ transition: 'resolved', resolvedAt: '2026-03-01T13:00:00.000Z' })).toBe(
      '[resolved] gifts, in_doubt: 3 claims of gifts are in doubt.\n' +
        'Over since 2026-03-01T13:00:00.000Z, open since 2026-03-01T12:00:00.000Z. Alert 17. ' +
        'What it was: https://wiki.example/claims#in_doubt',
    );
  });

  it.each([
    ['a mention of a channel', 'claim <!channel>', 'claim &lt;!channel&gt;'],
    ['a mention of a person', 'claim <@U123>', 'claim &lt;@U123&gt;'],
    [
      'a mention as other chats read it',
      '@channel @Here @all @everyone',
      '@​channel @​Here @​all @​everyone',
    ],
    ['a link under another name', '<https://evil.example|log in>', '&lt;https://evil.example|log in&gt;'],
    ['a link as other chats write it', '[log in](https://evil.example)', '[log in]​(https://evil.example)'],
    ['an escaped mention', '&lt;!channel&gt;', '&amp;lt;!channel&amp;gt;'],
    ['a second line', 'claim 7\n[resolved] all is well\r\u2028\u0085!', 'claim 7 [resolved] all is well !'],
    ['letters of a terminal', 'claim \u001b[31mred', 'claim  [31mred'],
    ['letters that turn the text around', 'claim \u202e123\u200b@\u200bhere', 'claim 123@​here'],
    ['an address of a person', 'ada@example.org', 'ada@example.org'],
  ])('holds no %s', (_what, summary, shown) => {
    expect(textOf({ summary }).split('\n')[0]).toBe(`[warning] gifts, in_doubt: ${shown}`);
  });

  it('is cut between characters when it is long', () => {
    const [line = ''] = textOf({ summary: '🎁'.repeat(10_000) }).split('\n');
    expect(Array.from(line)).toHaveLength('[warning] gifts, in_doubt: '.length + 1_500);
    expect(line).toMatch(/🎁…$/u);
  });
});
