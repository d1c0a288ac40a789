// The chart by TradingView's Lightweight Charts, of which scripts/web-assets installs version 4.1.3.
// The same interface as canvas-chart.js.

const noGap = { lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false };

export class LibraryChart {
  /** `on`: select(time), hover(time or null), older(). */
  constructor(host, colors, on) {
    this.library = window.LightweightCharts;
    this.chart = this.library.createChart(host, {
      autoSize: true,
      crosshair: { mode: this.library.CrosshairMode.Normal },
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 6, minBarSpacing: 1 },
      rightPriceScale: { scaleMargins: { top: 0.08, bottom: 0.22 } },
    });
    this.volume = this.chart.addHistogramSeries({ ...noGap, priceScaleId: '', priceFormat: { type: 'volume' } });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.series = this.chart.addCandlestickSeries();
    this.lines = [0, 1].map(() => this.chart.addLineSeries({ ...noGap, lineWidth: 2 }));
    this.items = [];
    this.setColors(colors);
    this.chart.subscribeClick((event) => event.time && on.select(event.time));
    this.chart.subscribeCrosshairMove((event) => on.hover(event.time ?? null));
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range && range.from < 20 && this.items.length) on.older();
    });
  }

  setColors(colors) {
    this.colors = colors;
    this.chart.applyOptions({
      layout: { background: { color: colors.panel }, textColor: colors.muted, fontFamily: colors.font, fontSize: 12 },
      grid: { vertLines: { color: colors.grid }, horzLines: { color: colors.grid } },
      rightPriceScale: { borderColor: colors.line },
      timeScale: { borderColor: colors.line },
      crosshair: { vertLine: { labelBackgroundColor: colors.label }, horzLine: { labelBackgroundColor: colors.label } },
    });
    this.lines.forEach((line, index) => line.applyOptions({ color: colors.averages[index] }));
    if (this.items.length) this.draw(this.items, this.averages, this.decimals);
  }

  /** Draws everything. `averages`: two arrays as long as `items`, or null. */
  draw(items, averages, decimals) {
    Object.assign(this, { items, averages, decimals });
    const priceFormat = { type: 'price', precision: decimals, minMove: 10 ** -decimals };
    this.series.applyOptions({ priceFormat });
    this.series.setData(items.map((item) => this.bar(item)));
    this.volume.setData(items.map((item) => this.column(item)));
    this.lines.forEach((line, index) => {
      line.applyOptions({ priceFormat });
      line.setData(averages[index] ? items.map((item, at) => point(item, averages[index][at])) : []);
    });
    this.mark();
  }

  /** Draws the last item again, or a new last one. */
  drawLast(items, averages) {
    const isNew = items.length !== this.items.length;
    Object.assign(this, { items, averages });
    const last = items.length - 1;
    this.series.update(this.bar(items[last]));
    this.volume.update(this.column(items[last]));
    this.lines.forEach((line, index) => averages[index] && line.update(point(items[last], averages[index][last])));
    if (isNew || items[last].marks?.length) this.mark();
  }

  bar({ time, values, kind }) {
    if (!values) return { time };
    const [open, high, low, close] = values;
    const color = close >= open ? this.colors.up : this.colors.down;
    const body = { streamed: color, forming: `${color}66`, derived: `${color}66`, bought: this.colors.panel }[kind];
    return { time, open, high, low, close, color: body, borderColor: color, wickColor: color };
  }

  column({ time, values, ticks }) {
    return values ? { time, value: ticks, color: this.colors.volume } : { time };
  }

  mark() {
    this.series.setMarkers(this.items.flatMap((item) => (item.marks ?? []).map((mark) => ({
      time: item.time,
      position: mark === 'partial' ? 'belowBar' : 'aboveBar',
      shape: mark === 'partial' ? 'circle' : 'square',
      color: this.colors[mark],
      size: 0.7,
    }))));
  }

  /** Shows the crosshair at an item, in sight; nothing for null. */
  point(index) {
    const item = this.items[index];
    if (!item) return this.chart.clearCrosshairPosition();
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (range && (index < range.from || index > range.to)) {
      const width = range.to - range.from;
      scale.setVisibleLogicalRange({ from: index - width / 2, to: index + width / 2 });
    }
    if (item.values) this.chart.setCrosshairPosition(item.values[3], item.time, this.series);
  }

  zoom(factor) {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return;
    const width = Math.max(10, (range.to - range.from) * factor);
    this.chart.timeScale().setVisibleLogicalRange({ from: range.to - width, to: range.to });
  }

  showNewest() {
    const width = Math.min(160, Math.max(40, this.chart.timeScale().width() / 8));
    const end = this.items.length + 4;
    this.chart.timeScale().setVisibleLogicalRange({ from: end - width, to: end });
  }

  /** What the library draws, as it says itself. */
  drawn() {
    return this.series.data().filter((bar) => bar.open !== undefined)
      .map(({ time, open, high, low, close }) => ({ time, open, high, low, close }));
  }
}

const point = (item, value) => (value === null ? { time: item.time } : { time: item.time, value });
