// The chart's choices: timeframe, side and averages. Kept in the address, so that it can be sent or bookmarked.

import { el } from './dom.js';

const sides = ['mid', 'bid', 'ask'];

export class ChartTools {
  constructor(host, periods, changed) {
    Object.assign(this, { changed, periods });
    const [, timeframe, side, averages] = location.hash.slice(1).split('/');
    this.timeframe = timeframe || null;
    this.side = sides.includes(side) ? side : 'mid';
    this.on = new Set((averages ?? String(periods[0])).split(',').map(Number));
    this.timeframeGroup = el('div', { class: 'choice', role: 'group', 'aria-label': 'Timeframe' });
    this.sideGroup = el('div', { class: 'choice', role: 'group', 'aria-label': 'Side of the price' });
    this.averageGroup = el('div', { class: 'choice', role: 'group', 'aria-label': 'Moving averages' });
    host.append(this.timeframeGroup, this.sideGroup, this.averageGroup);
    this.names = [];
    this.show();
  }

  /** The pair of the address; null without one. */
  static get pair() { return location.hash.slice(1).split('/')[0] || null; }

  isAveraged(index) { return this.on.has(this.periods[index]); }

  /** Which timeframes there are; keeps the chosen one if it is among them. */
  offer(names) {
    this.names = names;
    if (!names.includes(this.timeframe)) this.timeframe = names[0] ?? '5m';
    this.show();
  }

  keep(pair) {
    const averages = this.periods.filter((period) => this.on.has(period)).join(',') || '0';
    history.replaceState(null, '', `#${pair}/${this.timeframe}/${this.side}/${averages}`);
    this.pair = pair;
  }

  show() {
    this.fill(this.timeframeGroup, this.names, (name) => name === this.timeframe, (name) => { this.timeframe = name; });
    this.fill(this.sideGroup, sides, (side) => side === this.side, (side) => { this.side = side; });
    this.fill(this.averageGroup, this.periods, (period) => this.on.has(period), (period) => {
      if (!this.on.delete(period)) this.on.add(period);
    }, (period) => `MA ${period}`);
  }

  /** Buttons, made again only if there are others. */
  fill(group, values, isOn, choose, name = String) {
    if (group.children.length !== values.length || [...group.children].some((button, at) => button.textContent !== name(values[at]))) {
      group.replaceChildren(...values.map((value) => el('button', {
        type: 'button',
        onclick: () => {
          choose(value);
          this.show();
          if (this.pair) this.keep(this.pair);
          this.changed();
        },
      }, name(value))));
    }
    values.forEach((value, at) => group.children[at].setAttribute('aria-pressed', isOn(value)));
  }
}
