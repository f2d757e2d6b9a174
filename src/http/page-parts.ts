/**
 * The pieces that pages are made of: badges, times, keys, tables that become cards on a phone.
 * Pure: the moment that ages are counted to is given.
 */
import { html, type Fill, type Html } from './html.ts';
import { formatDuration, formatTime, spell } from './words.ts';

export type Tone = 'good' | 'warning' | 'critical' | 'plain';

export function badge(text: string, tone: Tone): Html {
  return html`<span class="badge ${tone}">${spell(text)}</span>`;
}

/** The time itself, and how long before `nowIso` it was. */
export function ago(iso: string, nowIso: string): Html {
  const ageMs = Date.parse(nowIso) - Date.parse(iso);
  return html`<time datetime="${iso}" title="${formatTime(iso)} UTC">${formatDuration(ageMs)} ago</time>`;
}

/** Longest text shown in a table cell; the whole of what was read is in the tooltip. */
const cellCharactersMax = 120;

/** A key, id or value as it is in the store. */
export function code(text: string): Html {
  const characters = Array.from(text);
  if (characters.length <= cellCharactersMax) return html`<code>${text}</code>`;
  return html`<code title="${text}">${characters.slice(0, cellCharactersMax).join('')}…</code>`;
}

/** On a phone each row becomes a card in which every cell has its heading beside it. */
export function table(headings: readonly string[], rows: readonly (readonly Fill[])[]): Html {
  const head = headings.map((heading) => html`<th scope="col">${heading}</th>`);
  const body = rows.map((cells) => {
    const filled = cells.map(
      (cell, index) => html`<td data-label="${headings[index] ?? ''}"><div>${cell}</div></td>`,
    );
    return html`<tr>
      ${filled}
    </tr>`;
  });
  return html`<table>
    <thead>
      <tr>
        ${head}
      </tr>
    </thead>
    <tbody>
      ${body}
    </tbody>
  </table>`;
}

/** A heading and a table, or the sentence that there is nothing. */
export function block(title: string, nothing: string, rows: readonly unknown[], content: () => Html): Html {
  return html`<h3>${title}</h3>
    ${rows.length === 0 ? html`<p class="nothing">${nothing}</p>` : content()}`;
}
