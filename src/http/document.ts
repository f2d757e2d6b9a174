/**
 * What all pages have in common: head, header with its links, and how something is changed from a page.
 * Pure. No script, and nothing from elsewhere.
 */
import { html, type Fill, type Html } from './html.ts';

export interface Document {
  readonly title: string;
  /** After how many seconds the browser goes on, and where to: to the page itself, mostly. Null: it stays. */
  readonly next: { readonly inSeconds: number; readonly path: string } | null;
  readonly main: Fill;
}

export function renderDocument({ title, next, main }: Document): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title} · claim-reconciler</title>
        ${
          // Where to is said: without, a page at a fragment (`/#alerts`) would only be scrolled.
          next === null
            ? null
            : html`<meta http-equiv="refresh" content="${next.inSeconds};url=${next.path}" />`
        }
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/page.css" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <a class="name" href="/">claim-reconciler</a>
          <nav aria-label="Pages">
            <a href="/">Overview</a> <a href="/queues">Queues</a> <a href="/metrics">Metrics</a>
            <a href="/api/status">JSON</a>
          </nav>
        </header>
        <main id="main">${main}</main>
      </body>
    </html>`.markup;
}

/** A page for when something is not to be had: what, why, and what was not changed. */
export function renderNotice(title: string, sentences: readonly string[]): string {
  const paragraphs = sentences.map((sentence) => html`<p>${sentence}</p>`);
  return renderDocument({
    title,
    next: null,
    main: html`<div class="summary warning">
      <h1>${title}</h1>
      ${paragraphs}
      <p><a href="/">To the overview</a></p>
    </div>`,
  });
}

/** A button that changes something, with what it sends along. @param label what it says, after what it will do */
export function button(
  action: string,
  label: string,
  fields: Readonly<Record<string, string>> = {},
  more: Fill = null,
): Html {
  const hidden = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
  );
  return html`<form class="action" method="post" action="${action}">
    ${hidden} ${more}<button type="submit">${label}</button>
  </form>`;
}
