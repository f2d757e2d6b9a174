/**
 * What a person may want to do to a source as a whole, as forms. What they ask for is done in `actions.ts`.
 */
import type { SourceOverview } from '../postgres/overview.ts';
import { button } from './document.ts';
import { html, type Html } from './html.ts';

/** For how long `resume` may let repairs go on without limits. */
export const liftTimes = { '15m': 15 * 60_000, '1h': 60 * 60_000, '4h': 4 * 60 * 60_000 } as const;

export function renderControls({ name, brake }: SourceOverview): Html {
  const times = Object.keys(liftTimes).map(
    (time) => html`<option${time === '1h' ? html` selected` : null}>${time}</option>`,
  );
  const resume = button(
    `/sources/${name}/resume`,
    'Resume repairs',
    {},
    html`<label
      >without limits for
      <select name="for">
        ${times}
      </select></label
    > `,
  );
  return html`<div class="actions">
    ${button(`/sources/${name}/pass`, 'Run a pass now')} ${brake.state === 'tripped' ? resume : null}
  </div>`;
}
