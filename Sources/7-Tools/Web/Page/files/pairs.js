// The table of all pairs. Quotes move with the events, ages by themselves.

import { el, setText } from './dom.js';
import { age, minute, pairName, pips, price, span } from './format.js';

/** Columns: name, how a row is sorted, and the class of its cells. */
const columns = [
  { key: 'pair', name: 'Pair', value: (row) => row.pair },
  { key: 'bid', name: 'Bid', value: (row) => row.bid, class: 'number' },
  { key: 'ask', name: 'Ask', value: (row) => row.ask, class: 'number' },
  { key: 'spread', name: 'Spread', hint: 'in pips', value: (row) => (row.ask - row.bid) * 10 ** row.decimals, class: 'number' },
  { key: 'age', name: 'Age', hint: 'of the last tick', value: (row) => -row.heard, class: 'number' },
  { key: 'last', name: 'Last candle', hint: 'start and close', value: (row) => row.last?.time ?? 0, class: 'number' },
  { key: 'holes', name: 'Holes', hint: 'in 24 h, and how long blind', value: (row) => row.holesOfLastDay, class: 'number' },
];

export class PairTable {
  /** `chosen(row)` when a person selects a pair. */
  constructor(panel, chosen) {
    this.chosen = chosen;
    this.rows = new Map();
    this.order = { key: 'pair', sign: 1 };
    this.dirty = new Set();
    this.body = el('tbody');
    this.heads = columns.map((column) => this.head(column));
    panel.append(el('div', { class: 'wide' }, el('table', { class: 'pairs' },
      el('caption', { class: 'unseen' }, 'All pairs: quotes, last candles and holes'),
      el('thead', {}, el('tr', {}, this.heads)), this.body)));
    setInterval(() => this.paint(), 250);
  }

  head(column) {
    const sort = () => {
      this.order = { key: column.key, sign: this.order.key === column.key ? -this.order.sign : 1 };
      this.sort();
    };
    return el('th', { scope: 'col', class: column.class, 'aria-sort': column.key === 'pair' ? 'ascending' : 'none' },
      el('button', { type: 'button', class: 'sort', title: column.hint, onclick: sort }, column.name));
  }

  /** The answer of /pairs. */
  take({ time, pairs }) {
    const now = performance.now() / 1000;
    for (const pair of pairs) {
      const row = this.rows.get(pair.pair) ?? this.add(pair);
      const heard = pair.tickTime === null ? -Infinity : now - Math.max(0, time - pair.tickTime);
      Object.assign(row, pair, { heard: Math.max(heard, row.heard ?? -Infinity) });
      this.dirty.add(row);
    }
    const names = new Set(pairs.map((pair) => pair.pair));
    for (const row of this.rows.values()) {
      if (names.has(row.pair)) continue;
      row.element.remove();
      this.rows.delete(row.pair);
    }
    this.sort();
  }

  tick({ pair, bid, ask }) {
    const row = this.rows.get(pair);
    if (!row) return;
    // A missing side is unknown, not the former one.
    row.direction = Math.sign((bid ?? ask ?? 0) - (row.bid ?? row.ask ?? 0)) || row.direction;
    Object.assign(row, { bid, ask, spread: bid === null || ask === null ? null : ask - bid, heard: performance.now() / 1000, moved: true });
    this.dirty.add(row);
  }

  /** A stored candle; the smallest timeframe of the pair is shown. */
  stored(candle) {
    const row = this.rows.get(candle.pair);
    if (!row?.last || row.last.timeframe !== candle.timeframe || candle.time < row.last.time) return;
    row.last = { timeframe: candle.timeframe, time: candle.time, close: candle.mid?.[3] ?? null, complete: candle.complete };
    this.dirty.add(row);
  }

  add(pair) {
    const cells = Object.fromEntries(columns.slice(1).map((column) => [column.key, el('td', { class: column.class })]));
    const button = el('button', { type: 'button', class: 'pair', onclick: () => this.select(pair.pair) }, pairName(pair.pair));
    const mark = el('span', { class: 'mark' });
    const element = el('tr', {}, el('th', { scope: 'row' }, button, mark), Object.values(cells));
    element.addEventListener('click', (event) => event.target === button || this.select(pair.pair));
    const row = { pair: pair.pair, element, button, mark, cells };
    this.rows.set(pair.pair, row);
    return row;
  }

  select(pair) {
    const row = this.rows.get(pair);
    if (!row) return;
    for (const other of this.rows.values()) {
      other.element.classList.toggle('chosen', other === row);
      if (other === row) other.button.setAttribute('aria-current', 'true');
      else other.button.removeAttribute('aria-current');
    }
    this.chosen(row);
  }

  sort() {
    const { value } = columns.find((column) => column.key === this.order.key);
    const compare = (one, other) => {
      const [a, b] = [value(one), value(other)];
      return (a < b ? -1 : a > b ? 1 : 0) * this.order.sign || (one.pair < other.pair ? -1 : 1);
    };
    const rows = [...this.rows.values()].sort(compare);
    // Moving only what is out of place keeps the focus.
    rows.forEach((row, at) => this.body.children[at] === row.element || this.body.insertBefore(row.element, this.body.children[at]));
    columns.forEach((column, at) => this.heads[at].setAttribute('aria-sort',
      column.key !== this.order.key ? 'none' : this.order.sign > 0 ? 'ascending' : 'descending'));
  }

  paint() {
    const now = performance.now() / 1000;
    for (const row of this.rows.values()) {
      const quiet = now - row.heard;
      setText(row.cells.age, Number.isFinite(quiet) ? age(quiet) : 'never');
      row.cells.age.classList.toggle('late', row.inSession && quiet > 90);
    }
    for (const row of this.dirty) this.paintRow(row);
    this.dirty.clear();
  }

  paintRow(row) {
    const { cells, decimals } = row;
    setText(cells.bid, price(row.bid, decimals));
    setText(cells.ask, price(row.ask, decimals));
    setText(cells.spread, pips(row.spread, decimals));
    const last = [row.last ? minute(row.last.time) : '', row.last ? price(row.last.close, decimals) : 'none yet'];
    if (cells.last.textContent !== last.join('')) cells.last.replaceChildren(el('small', {}, last[0]), last[1]);
    cells.last.classList.toggle('late', row.last?.complete === false);
    const blind = row.blindMillisecondsOfLastDay ? `${span(row.blindMillisecondsOfLastDay / 1000)} ` : '';
    const holes = [blind, String(row.holesOfLastDay)];
    if (cells.holes.textContent !== holes.join('')) cells.holes.replaceChildren(el('small', {}, holes[0]), holes[1]);
    cells.holes.classList.toggle('late', row.holesOfLastDay > 0);
    setText(row.mark, !row.configured ? 'not configured' : row.blind ? 'blind' : row.inSession ? '' : 'closed');
    row.mark.classList.toggle('bad', row.configured && row.blind);
    if (!row.moved) return;
    row.moved = false;
    cells.bid.dataset.moved = row.direction > 0 ? 'up' : 'down';
    clearTimeout(row.fading);
    row.fading = setTimeout(() => delete cells.bid.dataset.moved, 600);
  }
}
