// What `candlewick explain` says of a candle, readable.

import { get } from './api.js';
import { byId, el, table } from './dom.js';
import { counted, dayAndMinute, minute, pairName, span, timeframeMinutes, whole } from './format.js';

/** What is explained now: the candle, its series, and the place for what is known of it. Made anew for each reading. */
let wanted = null;

/** Opens the panel for a candle of a series; closes it for null. */
export function explain(candle, series) {
  const panel = byId('explanation');
  wanted = null;
  if (!candle) return panel.replaceChildren(el('p', { class: 'hint' }, 'Click a candle, or press Enter in the chart, to see what is known of it.'));
  const place = el('div', {}, el('p', { class: 'note' }, 'reading archive and journal …'));
  panel.replaceChildren(heading(candle, series), place);
  read({ candle, series, place });
}

/** Reads again if the candle that is explained was stored: until then nothing was known of it, or of another revision. */
export function explainStored(candle) {
  if (wanted?.candle.time !== candle.time || wanted.series.pair !== candle.pair) return;
  if (timeframeMinutes(candle.timeframe) * 60 === wanted.series.seconds) read({ ...wanted });
}

async function read(asked) {
  const { candle, series, place } = wanted = asked;
  try {
    const found = await get(`/explanation/${series.pair}/${series.timeframe}/${candle.time}`);
    if (wanted === asked) place.replaceChildren(...body(found));
  } catch (error) {
    if (wanted === asked) place.replaceChildren(el('p', { class: 'problem' }, `It cannot be explained now: ${error.message}.`));
  }
}

function heading(candle, series) {
  const end = candle.time + timeframeMinutes(series.timeframe) * 60;
  const close = el('button', { type: 'button', class: 'quiet', onclick: () => {
    explain(null);
    byId('canvas').focus();
  } }, 'Close');
  return el('div', { class: 'head' },
    el('h3', {}, `${pairName(series.pair)} ${series.timeframe}, ${dayAndMinute(candle.time)} to ${minute(end)} UTC`), close);
}

function body(found) {
  return [
    el('p', { class: 'decision' }, found.decision ?? (found.stored ? `Kept: ${found.stored.source}.` : 'No candle is stored.')),
    versions('Stored', [found.stored, ...found.outranked].filter(Boolean)),
    versions('Published', found.revisions),
    ...[found.ticks, ...(found.otherTicks ?? [])].map((ticks) => el('p', {}, ticksText(ticks))),
    found.wasSeen === false ? el('p', { class: 'problem' }, 'The pair was not seen all the time.') : null,
    events(found.events),
    requests(found.requests),
  ].filter(Boolean);
}

function versions(name, list) {
  if (!list.length) return null;
  const lines = list.map((one) => [
    one.source, one.collector, String(one.revision), one.mid.join('  '), whole(one.ticks),
    one.blindMilliseconds ? span(one.blindMilliseconds / 1000) : '0', String(one.lostUpdates),
    one.flags.join(', ') || 'none', `${one.inputStream} ${one.inputPosition}`,
  ]);
  const heads = ['source', 'collector', 'rev.', 'mid: open high low close', 'ticks', 'blind', 'lost', 'flags', 'final by'];
  return el('div', {}, el('h4', {}, name), table(`${name} candles`, heads, lines, 'versions'));
}

function ticksText(ticks) {
  if (!ticks.count) return `Ticks of ${ticks.collector}: none in archive or journal.`;
  const uncounted = ticks.uncounted ? `, ${whole(ticks.uncounted)} of them not counted` : '';
  return `Ticks of ${ticks.collector}: ${counted(ticks.count, 'record')}${uncounted}, positions ${whole(ticks.first)} to ${whole(ticks.last)}.`;
}

function events(list) {
  if (!list.length) return null;
  const lines = list.map((one) => [
    one.time.slice(0, 19).replace('T', ' '), one.pair ? pairName(one.pair) : 'feed', one.event, one.detail,
  ]);
  return el('div', {}, el('h4', {}, 'Events of the feed'), table('Events of the feed', ['time (UTC)', 'pair', 'event', 'detail'], lines));
}

function requests(list) {
  if (!list.length) return null;
  const lines = list.map((one) => [one.sent.slice(0, 19).replace('T', ' '), one.outcome, whole(one.points)]);
  return el('div', {}, el('h4', {}, 'History requests'), table('History requests', ['sent (UTC)', 'outcome', 'points'], lines));
}
