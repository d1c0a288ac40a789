// The chart of the chosen pair: what is drawn, its choices, and its keys. How it is drawn: library-chart.js, canvas-chart.js.

import { Feed } from './api.js';
import { byId, el, setText } from './dom.js';
import { dayAndMinute, pairName, price, timeframeMinutes, timeframeName } from './format.js';
import { CandleSeries, drawnItem, drawnItems, kind, marks, movingAverage } from './series.js';
import { ChartTools } from './tools.js';

const periods = [20, 50];

export class ChartPanel {
  /** `makeEngine(host, colors, on)`; `explain(candle or null)` opens or closes the explanation. */
  constructor(makeEngine, explain) {
    this.explain = explain;
    this.host = byId('canvas');
    this.tools = new ChartTools(byId('tools'), periods, () => this.choicesChanged());
    this.engine = makeEngine(this.host.appendChild(el('div', { class: 'drawing', 'aria-hidden': 'true' })), colors(), {
      select: (time) => this.select(time),
      hover: (time) => this.showValues(time ?? this.cursor),
      older: () => this.readOlder(),
    });
    this.items = [];
    this.averages = [null, null];
    this.cursor = null;
    this.host.addEventListener('keydown', (event) => this.key(event));
    addEventListener('candlewick-theme', () => this.engine.setColors(colors()));
  }

  /** `pair` as /pairs has it. Shows its newest candles. */
  async show(pair) {
    this.pair = pair;
    this.tools.offer(pair.timeframes);
    setText(byId('chart-title'), `${pairName(pair.pair)} ${this.tools.timeframe}`);
    this.series = new CandleSeries(pair.pair, this.tools.timeframe, timeframeMinutes(this.tools.timeframe));
    this.cursor = null;
    this.explain(null);
    // Not the former series' candles below this one's name.
    this.drawAll();
    this.listen();
    await this.refresh();
    this.engine.showNewest();
  }

  listen() {
    this.feed?.close();
    this.feed = new Feed({ topics: 'forming', pairs: this.pair.pair }, { forming: (candle) => this.take(candle) });
    // A quiet pair sends nothing for long; the page's other feed notices a loss.
    this.feed.isQuiet = true;
  }

  choicesChanged() {
    if (!this.pair) return;
    if (this.tools.timeframe !== this.series.timeframe) this.show(this.pair).catch((error) => this.fail(error));
    else this.drawAll();
  }

  async refresh() {
    const series = this.series;
    if (!series) return;
    await series.refresh();
    if (series === this.series) this.drawAll();
  }

  async readOlder() {
    const series = this.series;
    try {
      if (await series?.readOlder() && series === this.series) this.drawAll();
    } catch (error) {
      this.fail(error);
    }
  }

  /** A forming or stored candle of an event. */
  take(candle) {
    if (candle.pair !== this.pair?.pair) return;
    if (timeframeMinutes(candle.timeframe) * 60 !== this.series.seconds) return;
    const place = this.series.take(candle);
    if (place === 'last') this.drawLast(candle);
    else if (place) this.drawSoon();
  }

  get decimals() { return this.pair.decimals + (this.tools.side === 'mid' ? 1 : 0); }

  /** Many candles may come at once when history is bought. */
  drawSoon() {
    this.awaited ??= setTimeout(() => {
      this.awaited = null;
      this.drawAll();
    }, 250);
  }

  drawAll() {
    this.items = drawnItems(this.series.candles, this.tools.side, this.series.seconds);
    this.average();
    this.engine.draw(this.items, this.averages, this.decimals);
    this.showValues(this.cursor);
  }

  drawLast(candle) {
    const item = drawnItem(candle, this.tools.side);
    const last = this.items.at(-1)?.time;
    if (last === undefined || candle.time > last + this.series.seconds) return this.drawAll();
    if (candle.time === last) this.items[this.items.length - 1] = item;
    else this.items = [...this.items, item];
    this.average();
    this.engine.drawLast(this.items, this.averages);
    if (this.cursor === null) this.showValues(null);
  }

  average() {
    this.averages = periods.map((period, index) => (this.tools.isAveraged(index) ? movingAverage(this.items, period) : null));
  }

  // One candle

  select(time) {
    const candle = this.series.at(time);
    if (!candle) return;
    this.cursor = time;
    this.showValues(time);
    this.explain(candle, this.series);
  }

  key(event) {
    const at = this.cursor === null ? this.items.length : this.items.findIndex((item) => item.time === this.cursor);
    const move = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.items.length - 1 }[event.key];
    if (move !== undefined) this.moveTo(move, Math.sign(move - at) || 1);
    else if (event.key === '+' || event.key === '=') this.engine.zoom(1 / 1.4);
    else if (event.key === '-') this.engine.zoom(1.4);
    else if (event.key === 'Enter' || event.key === ' ') this.select(this.cursor ?? this.items.at(-1)?.time);
    else if (event.key === 'Escape') this.leave();
    else return;
    event.preventDefault();
  }

  /** To the next candle in a direction, over places without one. */
  moveTo(index, direction) {
    if (index < 20) this.readOlder();
    while (this.items[index] && !this.items[index].values) index += direction;
    if (!this.items[index]) return;
    this.cursor = this.items[index].time;
    this.engine.point(index);
    this.showValues(this.cursor);
  }

  leave() {
    this.cursor = null;
    this.engine.point(-1);
    this.explain(null);
    this.showValues(null);
  }

  /** The values of a candle; of the last one for null. */
  showValues(time) {
    const index = time === null ? this.items.length - 1 : this.items.findIndex((item) => item.time === time);
    const item = this.items[index];
    const candle = item && this.series.at(item.time);
    if (!candle) return setText(byId('readout'), item ? `${dayAndMinute(item.time)} no candle` : this.series.isRead ? 'no candles yet' : 'reading …');
    const figure = (name, value) => el('span', {}, el('b', {}, name), ` ${value}`);
    const values = item.values ?? [null, null, null, null];
    byId('readout').replaceChildren(
      el('span', {}, el('span', { class: 'when' }, `${dayAndMinute(item.time)} UTC`),
        el('span', { class: 'kind' }, [kind(candle), ...marks(candle)].join(', '))),
      el('span', {}, ['O', 'H', 'L', 'C'].map((name, at) => figure(name, price(values[at], this.decimals))),
        figure('ticks', candle.ticks),
        periods.map((period, at) => this.averages[at] && el('span', { class: `average-${at}` },
          el('b', {}, `MA ${period}`), ` ${price(this.averages[at][index], this.decimals)}`)).filter(Boolean)));
  }

  fail(error) { setText(byId('readout'), `The candles cannot be read: ${error.message}.`); }
}

/** The style sheet's colours, which a canvas cannot take by itself. */
function colors() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    panel: read('panel'), muted: read('muted'), line: read('line'), grid: read('grid'), label: read('label'),
    onLabel: read('on-color'), up: read('up'), down: read('down'), volume: read('volume'), partial: read('warn'),
    disputed: read('disputed'), averages: [read('average-0'), read('average-1')],
    font: getComputedStyle(document.body).fontFamily,
  };
}

/** All timeframes of a pair: those that are configured and those that are stored. */
export function timeframes(configured, stored) {
  const minutes = new Set([...configured, ...stored].map(timeframeMinutes));
  return [...minutes].sort((one, other) => one - other).map(timeframeName);
}
