/**
 * What the demo shows a person: numbered steps, each pass as it ends, the balance, the verdict. Lines only, so that it
 * reads the same on a terminal, in a pipe and in a log.
 */
import { table } from '../app/text-table.ts';
import type { Balance } from './balance.ts';
import { driftStories } from './inject-drift.ts';
import type { SecondLook } from './second-look.ts';
import type { SeenPass } from './demo-readings.ts';

const unexpectedShown = 10;

export class DemoView {
  readonly #out: (line: string) => void;
  #step = 0;
  #startedAtMs = 0;

  constructor(out: (line: string) => void) {
    this.#out = out;
  }

  protected line(text: string): void {
    this.#out(text);
  }

  title(seed: number, claimsFile: string | null): void {
    const claims = claimsFile === null ? 'made-up claims' : `the claims in ${claimsFile}`;
    this.line(`claim-reconciler demo: ${claims}, drift by seed ${seed}`);
    this.line('');
  }

  /** Begins a step; `done` ends it. */
  step(name: string): void {
    this.#step += 1;
    this.#startedAtMs = performance.now();
    this.line(`${this.#step}. ${name} …`);
  }

  done(sentence: string): void {
    const seconds = ((performance.now() - this.#startedAtMs) / 1000).toFixed(1);
    this.line(`   ${sentence} (${seconds} s)`);
  }

  note(line: string): void {
    this.line(`   ${line}`);
  }

  pass(pass: SeenPass): void {
    const { source, checked, bad, applied, open, outcome, reason, ms } = pass;
    const ended = outcome === 'completed' ? '' : `; ${outcome}: ${reason ?? 'no reason given'}`;
    this.note(
      `pass ${pass.id} over ${source}: judged ${checked}, found ${bad}, repaired ${applied}, ${open} open (${ms} ms)${ended}`,
    );
  }

  alert({ severity, alerts, example }: { severity: string; alerts: number; example: string }): void {
    const more = alerts > 1 ? ` (and ${alerts - 1} more like it)` : '';
    this.note(`alert, ${severity}: ${example}${more}`);
  }

  balance({ rows, unexpected, balances }: Balance): void {
    const head = ['drift', 'as it happens', ...['injected', 'found', 'repaired', 'alerted'].map(right)];
    const cells = rows.map(({ kind, injected, found, repaired, alerted }) => [
      kind,
      driftStories[kind].cause,
      ...[injected, found, repaired, alerted].map((count) => right(String(count))),
    ]);
    const sum = (of: (row: Balance['rows'][number]) => number): string =>
      right(String(rows.reduce((total, row) => total + of(row), 0)));
    const total = [
      'total',
      '',
      sum((row) => row.injected),
      sum((row) => row.found),
      sum((row) => row.repaired),
      sum((row) => row.alerted),
    ];
    this.line('');
    for (const line of table(head, [...cells, total])) this.line(`   ${line}`);
    this.line('');
    for (const item of unexpected.slice(0, unexpectedShown)) {
      this.note(`not injected, but found: ${item.verdict} at claim ${item.claimId} of ${item.source}`);
    }
    this.note(
      balances
        ? 'It balances: each injected fault was found, and repaired or told to people.'
        : 'It does NOT balance: see the rows where the counts differ.',
    );
  }

  second({ judged, found }: SecondLook): void {
    this.done(`judged ${judged} claims again from the beginning, found ${found} new discrepancies`);
  }

  staying(url: string): void {
    this.line('');
    this.line(`The dashboard stays up at ${url} (jobs at ${url}/queues). Ctrl-C stops everything.`);
  }
}

function right(cell: string): string {
  return cell.padStart(8);
}
