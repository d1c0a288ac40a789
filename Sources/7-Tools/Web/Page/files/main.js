// Starts the page, keeps it live, and says when it is not.

import { Feed, get } from './api.js';
import { ChartPanel, timeframes } from './chart.js';
import { showCoverage } from './coverage.js';
import { byId, el, fillPanel, setText } from './dom.js';
import { explain, explainStored } from './explanation.js';
import { clockTime, dayAndTime } from './format.js';
import { showDelays, showJournals } from './health.js';
import { PairTable } from './pairs.js';
import { showQuota } from './quota.js';
import { problemTile, showHoles, showStatus } from './tiles.js';
import { showTimeline } from './timeline.js';
import { ChartTools } from './tools.js';

const connection = { state: 'connecting', since: Date.now() / 1000, opened: 0 };
let status = null;
/** The server's seconds less ours: the market's clock where it is a simulated one. */
let lead = 0;
const now = () => Date.now() / 1000 + lead;

const canLoad = await loadLibrary();
const Engine = canLoad ? (await import('./library-chart.js')).LibraryChart : (await import('./canvas-chart.js')).CanvasChart;
const chart = new ChartPanel((host, colors, on) => new Engine(host, colors, on), explain);
const pairs = new PairTable(byId('pairs'), (row) => {
  chart.tools.keep(row.pair);
  const stored = (status?.candles ?? []).filter((one) => one.pair === row.pair).map((one) => one.timeframe);
  chart.show({ ...row, timeframes: timeframes(row.timeframes, stored) }).catch((error) => chart.fail(error));
});

/** The script of the chart library, if the server has it. */
async function loadLibrary() {
  try {
    const { script } = await (await fetch('/assets/chart-library.json')).json();
    if (!script) return false;
    await new Promise((resolve, reject) => {
      document.head.append(el('script', { src: script, onload: resolve, onerror: reject }));
    });
    return Boolean(window.LightweightCharts);
  } catch {
    return false;
  }
}

function showEngine() {
  byId('engine').replaceChildren(...canLoad
    ? ['Chart by ', el('a', { href: 'https://www.tradingview.com/', rel: 'noopener noreferrer' }, 'TradingView Lightweight Charts™'), ', Apache License 2.0.']
    : ['The chart library is not installed, so this is the plain chart; scripts/web-assets installs it.']);
  byId('legend').append(...[
    ['streamed', 'streamed'], ['bought', 'bought or imported'], ['derived', 'derived, or forming'], ['partial', 'partial'], ['disputed', 'disputed by the broker'],
  ].map(([name, meaning]) => el('li', {}, el('i', { class: 'swatch', 'data-candle': name }), meaning)));
}

// What is read again and again

let awaited = null;

/** Runs a reading; a failure is said where its result would be, and everything is read again soon. */
async function read(work, failed) {
  try {
    await work();
  } catch (error) {
    failed(`cannot be read now: ${error.message}`);
    awaited ??= setTimeout(() => {
      awaited = null;
      if (connection.state === 'live') readAll();
    }, 5_000);
  }
}

const panelFails = (id) => (message) => {
  if (!byId(id).querySelector('.body > :not(.problem)')) fillPanel(byId(id), el('p', { class: 'problem' }, message));
};

const readPairs = () => read(async () => {
  const answer = await get('/pairs');
  lead = answer.time - Date.now() / 1000;
  pairs.take(answer);
  timeframe = answer.pairs.map((pair) => pair.last?.timeframe).find(Boolean) ?? null;
  setText(byId('pairs-note'), `${answer.pairs.length}, spread in pips`);
  if (!chart.pair && answer.pairs.length) {
    const wanted = ChartTools.pair;
    const first = ['EUR_USD', answer.pairs[0].pair].find((name) => pairs.rows.has(name));
    pairs.select(pairs.rows.has(wanted) ? wanted : first);
  }
}, (message) => setText(byId('pairs-note'), message));

const readCandles = () => read(() => chart.refresh(), (message) => chart.fail(new Error(message)));

/** The timeframe of the newest candles; nothing is known of intervals before the first candle is stored. */
let timeframe = null;

const readHoles = () => timeframe && read(async () => showHoles(await get('/gaps', { days: 7 }), status?.continuity),
  (message) => problemTile('holes', 'Open holes', message));

function readSlowly() {
  readHoles();
  readCandles();
  if (timeframe) read(async () => showCoverage(await get('/coverage', { days: 30, timeframe })), panelFails('coverage'));
  else panelFails('coverage')('No candle is stored yet.');
  read(async () => showTimeline(await get('/connection', { days: 2 }), status, now()), panelFails('connection-panel'));
  read(async () => showQuota(await get('/quota'), Date.now() / 1000), panelFails('quota'));
}

async function readAll() {
  await read(async () => take(await get('/status')), (message) => problemTile('verdict', 'Verdict', message));
  await readPairs();
  readSlowly();
}

function take(answer) {
  status = answer;
  showStatus(answer);
  showDelays(answer);
  showJournals(answer);
}

// The connection

function setConnection(state) {
  if (connection.state !== state) Object.assign(connection, { state, since: Date.now() / 1000 });
  if (state === 'live') connection.opened += 1;
  const isLost = state === 'lost';
  byId('connection').dataset.state = state;
  setText(byId('connection'), isLost ? 'connection lost' : state);
  document.body.classList.toggle('stale', isLost);
  byId('banner').hidden = !isLost;
  if (isLost) setText(byId('banner'), `Connection lost since ${dayAndTime(connection.since)} UTC. What you see is as of then. Trying again …`);
}

new Feed({ topics: 'ticks,stored,state' }, {
  opened: () => {
    const isAgain = connection.opened > 0;
    setConnection('live');
    if (isAgain) chart.feed?.open();
    readAll();
  },
  lost: () => connection.state !== 'lost' && setConnection('lost'),
  tick: (tick) => pairs.tick(tick),
  stored: (candle) => {
    pairs.stored(candle);
    chart.take(candle);
    explainStored(candle);
  },
  state: take,
});

showEngine();
const theme = byId('theme');
const nameTheme = () => setText(theme, document.documentElement.dataset.theme === 'dark' ? 'Light' : 'Dark');
theme.addEventListener('click', () => window.toggleTheme());
addEventListener('candlewick-theme', nameTheme);
nameTheme();
const showTime = () => setText(byId('clock'), clockTime(Date.now() / 1000));
showTime();
setInterval(showTime, 500);
setInterval(() => connection.state === 'live' && readPairs(), 10_000);
setInterval(() => connection.state === 'live' && readSlowly(), 60_000);

/** For checks and the browser's console; changing it changes nothing. Source: docs/monitoring.md § The page. */
Object.defineProperty(window, 'candlewick', {
  value: Object.freeze({
    get connection() { return { ...connection }; },
    get library() { return canLoad ? 'lightweight-charts' : 'canvas'; },
    get pair() { return chart.pair?.pair ?? null; },
    get timeframe() { return chart.tools.timeframe; },
    get side() { return chart.tools.side; },
    get cursor() { return chart.cursor; },
    get candles() { return structuredClone(chart.series?.candles ?? []); },
    get drawn() { return chart.engine.drawn(); },
    get quotes() { return Object.fromEntries([...pairs.rows.values()].map(({ pair, bid, ask }) => [pair, { bid, ask }])); },
    get status() { return structuredClone(status); },
  }),
});
