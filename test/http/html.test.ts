/**
 * Text that is filled in stays text: examples, and any string whatever.
 */
import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { html } from '../../src/http/html.ts';

test('what is filled in is text, never markup', () => {
  const hostile = `<script>alert(1)</script>" onload='x' &amp;`;
  expect(html`<p title="${hostile}">${hostile}</p>`.markup).toBe(
    '<p title="&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;amp;">' +
      '&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;amp;</p>',
  );
});

test('markup made by html goes in as it is, lists are joined, null is nothing', () => {
  const items = [html`<b>${1}</b>`, html`<b>${'<'}</b>`];
  expect(html`<p>${items}${null}</p>`.markup).toBe('<p><b>1</b><b>&lt;</b></p>');
});

test('shows control characters, direction marks and strange spaces by name', () => {
  expect(html`${'a\u0000b\nc\u007Fd\u202Ee\u00A0f\uD800g h'}`.markup).toBe(
    'a\u2400b\u240Ac‹U+007F›d‹U+202E›e‹U+00A0›f‹U+D800›g h',
  );
});

test('no text whatever brings a character into the page that could end a text or an attribute', () => {
  assert(
    property(string({ unit: 'binary' }), (text) => {
      const { markup } = html`${text}`;
      expect(markup).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
      expect(markup).not.toMatch(/(?! )[\p{C}\p{Z}]/u);
    }),
  );
});
