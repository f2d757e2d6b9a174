/**
 * What the replay shows a person, in the words and lines of the demo.
 */
import { count, table } from '../../app/text-table.ts';
import { DemoView } from '../demo-view.ts';
import type { BookCheck } from './check-book.ts';
import { faultStories } from './claim-faults.ts';
import type { PlayCounts } from './play-claims.ts';
import type { ReplayBalance } from './replay-balance.ts';

const shown = 10;

export class ReplayView extends DemoView {
  override title(seed: number, claimsFile: string | null): void {
    const claims = claimsFile === null ? 'made-up claims' : `the claims in ${claimsFile}`;
    this.line(`claim-reconciler replay: ${claims} through the gate, faults by seed ${seed}`);
    this.line('');
  }

  played(counts: PlayCounts): void {
    const { granted, already_claimed, refused, unknown, crashed, failed } = counts;
    this.done(
      `${granted} granted, ${already_claimed} already claimed, ${refused} refused, ${unknown} unknown, ` +
        `${crashed} crashed, ${failed} failed`,
    );
  }

  settled({ rows, unexpected, balances }: ReplayBalance): void {
    const right = (cell: string): string => cell.padStart(8);
    const head = ['what went wrong', 'verdict', ...['injected', 'found', 'repaired'].map(right)];
    const cells = rows.map(({ fault, verdict, injected, found, repaired }) => [
      faultStories[fault].cause,
      verdict,
      ...[injected, found, repaired].map((number) => right(String(number))),
    ]);
    this.line('');
    for (const line of table(head, cells)) this.line(`   ${line}`);
    this.line('');
    for (const item of unexpected.slice(0, shown)) {
      this.note(`not injected, but found: ${item.verdict} of attempt ${item.attempt} (${item.state})`);
    }
    this.note(
      balances
        ? 'It balances: what went wrong was found and put right, and nothing else was.'
        : 'It does NOT balance: see the rows where the counts differ.',
    );
  }

  book({ granted, twice, disagreeing, isInOrder }: BookCheck): void {
    for (const thing of twice.slice(0, shown)) this.note(`handed out twice: ${thing}`);
    for (const attempt of disagreeing.slice(0, shown)) this.note(`book and table disagree: ${attempt}`);
    this.done(
      isInOrder
        ? `${count(granted, 'hand-out')}, none of a thing that was handed out before; each claim is settled as the book says`
        : `${count(granted, 'hand-out')}; ${twice.length} handed out twice, ${disagreeing.length} not settled as the book says`,
    );
  }
}
