/**
 * Templates such as `gift:{activity_id}:{uid}`: literal text with column names in braces. A brace that does not enclose
 * a column name is literal, so that `{{uid}}` gives a Redis Cluster hash tag around a column.
 * Does not fill anything in: Postgres builds the keys.
 */

export type TemplatePart =
  { readonly kind: 'literal'; readonly text: string } | { readonly kind: 'column'; readonly name: string };

export type Template = readonly TemplatePart[];

const columnPattern = /\{([A-Za-z_][A-Za-z0-9_$]*)\}/g;

export function parseTemplate(text: string): Template {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of text.matchAll(columnPattern)) {
    if (match.index > end) parts.push({ kind: 'literal', text: text.slice(end, match.index) });
    parts.push({ kind: 'column', name: match[0].slice(1, -1) });
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push({ kind: 'literal', text: text.slice(end) });
  return parts;
}

/** The columns a template names, each once, in order of appearance. */
export function templateColumns(template: Template): string[] {
  return [...new Set(template.flatMap((part) => (part.kind === 'column' ? [part.name] : [])))];
}

/**
 * What a filled-in template says of its columns: column name to text; null when `filled` cannot come from it. Where a
 * value holds the text that separates two columns the split is a guess; whoever uses it checks the result.
 */
export function matchTemplate(template: Template, filled: string): Map<string, string> | null {
  if (!holdsLiterals(template, filled)) return null;
  const named = new Set<string>();
  const patternOf = (part: TemplatePart): string => {
    if (part.kind === 'literal') return part.text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&');
    if (named.has(part.name)) return `\\k<${part.name}>`;
    named.add(part.name);
    return `(?<${part.name}>.*?)`;
  };
  const match = new RegExp(`^${template.map(patternOf).join('')}$`, 's').exec(filled);
  return match === null ? null : new Map(Object.entries(match.groups ?? {}));
}

/** The same, but null where another split fits as well: for what must not be a guess. */
export function matchTemplateSurely(template: Template, filled: string): Map<string, string> | null {
  const first = matchTemplate(template, filled);
  const last = matchTemplate(backwards(template), reverse(filled));
  const isSure = [...(first ?? [])].every(([name, value]) => reverse(value) === last?.get(name));
  return isSure ? first : null;
}

function backwards(template: Template): Template {
  const reversed = template.map((part): TemplatePart =>
    part.kind === 'column' ? part : { kind: 'literal', text: reverse(part.text) },
  );
  return reversed.toReversed();
}

function reverse(text: string): string {
  return text.split('').toReversed().join('');
}

/**
 * Whether the literals are there, one after the other. Where they are, the first split fits (unless a column is named
 * twice); without this look a text full of separators that does not fit would be split in every way there is.
 */
function holdsLiterals(template: Template, filled: string): boolean {
  let end = 0;
  for (const [at, part] of template.entries()) {
    if (part.kind === 'column') continue;
    const isLast = at === template.length - 1;
    const start = isLast ? filled.length - part.text.length : filled.indexOf(part.text, end);
    if (start < end || (at === 0 && start > 0) || !filled.startsWith(part.text, start)) return false;
    end = start + part.text.length;
  }
  return true;
}
