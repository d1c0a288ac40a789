// Coverage by day and pair, of the object of `candlewick coverage --json`.

import { byId, el, fillPanel, setText } from './dom.js';
import { pairName } from './format.js';

const steps = [
  ['full', 'complete'], ['bought', 'complete, over half of it bought'], ['partial', 'partial candles'], ['some', 'up to a tenth missing'],
  ['gap', 'more missing'], ['before', 'before the first candle'], ['closed', 'market closed'],
];

export function showCoverage({ timeframe, days, rows }) {
  const lines = rows.map(({ pair, cells }) => {
    return el('tr', {}, el('th', { scope: 'row' }, pairName(pair)), cells.map((cell, at) =>
      el('td', { 'data-step': step(cell), title: `${pairName(pair)} ${days[at]}: ${text(cell)}` },
        el('span', { class: 'unseen' }, text(cell)))));
  });
  const head = el('tr', {}, el('th', { scope: 'col' }, el('span', { class: 'unseen' }, 'Pair')), days.map((day) => {
    const isMonday = new Date(day).getUTCDay() === 1;
    return el('th', { scope: 'col' }, el('span', { class: isMonday ? null : 'unseen' }, day.slice(5)));
  }));
  setText(byId('coverage-note'), `${timeframe} intervals of the trading hours, by day (UTC)`);
  const box = el('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'Coverage by day and pair' },
    el('table', { class: 'coverage' }, el('caption', { class: 'unseen' }, 'Coverage by day and pair'),
      el('thead', {}, head), el('tbody', {}, lines)));
  fillPanel(byId('coverage'), box, el('ul', { class: 'legend' }, steps.map(([name, meaning]) =>
    el('li', {}, el('i', { class: 'swatch', 'data-step': name }), meaning))));
  // The newest days matter most on a narrow screen.
  box.scrollLeft = box.scrollWidth;
}

function step(cell) {
  if (!cell.expected) return cell.before ? 'before' : 'closed';
  const missing = cell.missing / cell.expected;
  if (missing > 0.1) return 'gap';
  if (missing > 0) return 'some';
  if (cell.partial) return 'partial';
  return cell.bought * 2 > cell.expected ? 'bought' : 'full';
}

function text(cell) {
  if (!cell.expected) return cell.before ? 'before the first candle' : 'market closed';
  const parts = ['streamed', 'bought', 'quiet', 'partial', 'missing'].filter((name) => cell[name]);
  return `${parts.map((name) => `${cell[name]} ${name}`).join(', ')} of ${cell.expected}`;
}
