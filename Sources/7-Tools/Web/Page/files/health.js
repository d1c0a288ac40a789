// Delays, journals and disk, of the object of `candlewick status --json`.

import { byId, el, fillPanel, table } from './dom.js';
import { bytes, none, span, whole } from './format.js';
import { journals, stages } from './tiles.js';

const figures = ['p50Seconds', 'p90Seconds', 'p99Seconds', 'worstSeconds'];

export function showDelays({ delay }) {
  const line = (name, group) => [name, group ? whole(group.candles) : '0', ...figures.map((key) => (group ? span(group[key]) : none))];
  fillPanel(byId('delays'),
    table('Delays of candles', ['', 'candles', 'p50', 'p90', 'p99', 'worst'], [line('busy pairs', delay.busy), line('quiet pairs', delay.quiet)], 'figures'),
    el('p', { class: 'note' }, `${whole(delay.revised)} revised after they were readable. Busy: a tick a second or more.`));
}

export function showJournals(status) {
  const sizes = journals(status).map(([name, size]) => [name, bytes(size)]);
  const lines = stages(status).map(([name, stage]) => [
    name, stage?.state ?? 'silent', positions(stage?.inputs), positions(stage?.outputs),
  ]);
  fillPanel(byId('journals'),
    table('Journals and database', ['on disk', 'size'], [...sizes, ['database', bytes(status.disk.database)], ['free', bytes(status.disk.free)]], 'figures'),
    table('Stages', ['stage', 'state', 'taken', 'written'], lines, 'figures'));
}

const positions = (streams) => streams?.filter((one) => one.position).map((one) => `${one.stream} ${whole(one.position)}`).join(', ') || none;
