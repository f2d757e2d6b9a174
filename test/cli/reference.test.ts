/**
 * docs/cli.md is what the program says of itself.
 */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { cliReference } from '../../scripts/cli-reference.ts';

it('the page of commands is as `npm run references` writes it', async () => {
  expect(await readFile('docs/cli.md', 'utf8')).toBe(cliReference());
});

it('names each command with its options and examples', () => {
  const page = cliReference();
  expect(page).toContain('### `claim-reconciler repair range`');
  expect(page).toContain('| `--source <name>` | the source; required |');
  expect(page).toContain('$ claim-reconciler alerts acknowledge 12');
});
