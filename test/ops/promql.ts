/**
 * Just enough of PromQL to hold dashboards and rules against the metrics there are: which metrics an expression selects by
 * which labels, and by which labels it groups them.
 * Invariant kept: what is not understood is an error. Does not evaluate anything, and does not know functions by name.
 */

export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly sign: string; readonly value: string }[];
}

export interface Grouping {
  readonly labels: readonly string[];
  /** The metrics that are grouped. */
  readonly metrics: readonly string[];
}

export interface Expression {
  readonly selectors: readonly Selector[];
  readonly groupings: readonly Grouping[];
}

interface Token {
  readonly kind: 'text' | 'name' | 'number' | 'variable' | 'sign';
  readonly text: string;
}

const tokenPattern =
  /\s+|(?<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<name>[a-zA-Z_:][\w:]*)|(?<number>\d[\w.]*)|(?<variable>\$\w+)|(?<sign>=~|!~|[!=<>]=|[-+*/%^(){}[\],=<>])/y;
const closing: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']' };
const keywords = new Set(['and', 'or', 'unless', 'bool', 'offset']);
const groupers = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);

/** Throws for what is no expression. */
export function readExpression(text: string): Expression {
  const tokens = tokenize(text);
  const ends = matchBrackets(tokens, text);
  const selectors: (Selector & { readonly at: number })[] = [];
  const grouped: { readonly labels: readonly string[]; readonly from: number; readonly to: number }[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const { kind, text: name } = tokens[at] ?? { kind: 'sign', text: '' };
    if (kind !== 'name' || keywords.has(name)) continue;
    const opening = tokens[at + 1]?.text;
    const end = ends.get(at + 1) ?? at;
    if (groupers.has(name)) {
      const from = end + 1;
      if (name !== 'by' || tokens[from]?.text !== '(') throw new Error(`${name} is not understood: ${text}`);
      const labels = tokens.slice(at + 2, end).filter((token) => token.kind === 'name');
      grouped.push({ labels: labels.map((token) => token.text), from, to: ends.get(from) ?? from });
      at = end;
    } else if (opening === '{') {
      selectors.push({ metric: name, matchers: readMatchers(tokens.slice(at + 2, end), text), at });
      at = end;
    } else if (opening !== '(' && tokens[at + 1]?.text !== 'by') {
      selectors.push({ metric: name, matchers: [], at });
    }
  }
  const groupings = grouped.map(({ labels, from, to }) => ({
    labels,
    metrics: selectors.filter(({ at }) => at > from && at < to).map(({ metric }) => metric),
  }));
  return { selectors: selectors.map(({ metric, matchers }) => ({ metric, matchers })), groupings };
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(tokenPattern);
  while (pattern.lastIndex < text.length) {
    const from = pattern.lastIndex;
    const groups = pattern.exec(text)?.groups;
    if (groups === undefined) throw new Error(`not understood at ${from}: ${text}`);
    for (const kind of ['text', 'name', 'number', 'variable', 'sign'] as const) {
      const found = groups[kind];
      if (found !== undefined) tokens.push({ kind, text: found });
    }
  }
  return tokens;
}

/** From each opening bracket to its end, by place. */
function matchBrackets(tokens: readonly Token[], text: string): Map<number, number> {
  const ends = new Map<number, number>();
  const open: number[] = [];
  for (const [at, { kind, text: sign }] of tokens.entries()) {
    if (kind !== 'sign') continue;
    if (sign in closing) open.push(at);
    if (!Object.values(closing).includes(sign)) continue;
    const from = open.pop();
    if (from === undefined || closing[tokens[from]?.text ?? ''] !== sign)
      throw new Error(`not balanced: ${text}`);
    ends.set(from, at);
  }
  if (open.length > 0) throw new Error(`not balanced: ${text}`);
  return ends;
}

function readMatchers(tokens: readonly Token[], text: string): Selector['matchers'] {
  const matchers: { label: string; sign: string; value: string }[] = [];
  for (let at = 0; at < tokens.length; at += 4) {
    const [label, sign, value, comma] = tokens.slice(at, at + 4);
    const isMatcher =
      label?.kind === 'name' && /^(=|!=|=~|!~)$/.test(sign?.text ?? '') && value?.kind === 'text';
    if (!isMatcher || (comma !== undefined && comma.text !== ','))
      throw new Error(`a matcher is not understood: ${text}`);
    matchers.push({ label: label.text, sign: sign?.text ?? '', value: value.text.slice(1, -1) });
  }
  return matchers;
}
