/**
 * HTML as tagged templates: what is written in the template is markup, what is filled in is text.
 * Invariant kept: no filled-in text becomes markup, and none of it is invisible: control characters and characters that
 * change the direction of text are shown by name, since claim ids and marker values are whatever people sent.
 */

/** Markup that was made by `html`. */
export interface Html {
  readonly markup: string;
}

export type Fill = string | number | null | Html | readonly Fill[];

/** Markup from a template. Texts and numbers are escaped, lists joined, null is nothing. */
export function html(template: TemplateStringsArray, ...fills: readonly Fill[]): Html {
  let markup = template[0] ?? '';
  fills.forEach((fill, index) => {
    markup += render(fill) + (template[index + 1] ?? '');
  });
  return { markup };
}

function render(fill: Fill): string {
  if (fill === null) return '';
  if (typeof fill === 'string') return escapeText(showHidden(fill));
  if (typeof fill === 'number') return String(fill);
  return 'markup' in fill ? fill.markup : fill.map(render).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Safe as text and inside a quoted attribute. */
function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** Other (controls, formats such as direction marks, halves of pairs) and separators other than the plain space. */
const hidden = /(?! )[\p{C}\p{Z}]/gu;

function showHidden(text: string): string {
  return text.replace(hidden, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return `‹U+${code.toString(16).toUpperCase().padStart(4, '0')}›`;
  });
}
