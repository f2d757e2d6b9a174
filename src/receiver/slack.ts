/**
 * A message as Slack gets it, and chats that take the same JSON.
 * Invariant kept: nothing in a summary acts: no mention of a person or a channel, no link under another name, no second
 * line that looks like a message of its own. Ids of claims come from applications, and from whoever uses them.
 */
import type { AlertMessage } from '../domain/alert-message.ts';
import type { Written } from './webhook.ts';

const summaryCharactersMax = 1_500;
const linkCharactersMax = 500;
/** Takes no room, and keeps what stands on either side of it apart. */
const joint = '\u200b';

export function writeSlack(message: AlertMessage): Written {
  const { transition, severity, kind, source, summary, runbook, openedAt, alertId } = message;
  const isOver = transition === 'resolved';
  const head = isOver ? 'resolved' : severity;
  const when = isOver
    ? `Over since ${message.resolvedAt ?? 'now'}, open since ${openedAt}.`
    : `Open since ${openedAt}.`;
  const text = [
    `[${head}] ${plain(source, 100)}, ${plain(kind, 100)}: ${plain(summary, summaryCharactersMax)}`,
    `${when} Alert ${alertId}. ${isOver ? 'What it was' : 'What to do'}: ${plain(runbook, linkCharactersMax)}`,
  ].join('\n');
  return { body: JSON.stringify({ text }), headers: { 'idempotency-key': message.id } };
}

/** As text that means nothing to a chat, on one line, cut between characters. */
function plain(text: string, charactersMax: number): string {
  const line = text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, '');
  const characters = Array.from(line);
  const short =
    characters.length > charactersMax ? `${characters.slice(0, charactersMax - 1).join('')}…` : line;
  return short
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/@(?=channel|here|everyone|all)/gi, `@${joint}`)
    .replaceAll('](', `]${joint}(`);
}
