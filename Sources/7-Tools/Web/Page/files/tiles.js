// The tiles at the top, of the object of `candlewick status --json` and of `candlewick gaps --json`.

import { byId, el } from './dom.js';
import { bytes, counted, dayAndMinute, none, span, whole } from './format.js';

const words = { ok: 'All is well', warning: 'Needs a look', failed: 'Does not work' };

function tile(id, name, value, state, ...lines) {
  const element = byId(id);
  element.dataset.state = state;
  element.replaceChildren(el('h3', {}, name), el('p', { class: 'value' }, value), ...lines.flat().filter(Boolean)
    .map((line) => (typeof line === 'string' ? el('p', { class: 'detail' }, line) : line)));
}

/** Stages by name, with the collector's where there are several. */
export function stages(status) {
  const own = Object.entries(status.stages);
  if (!status.collectors) return own;
  const shared = own.filter(([name]) => !Object.values(status.collectors).some((one) => name in one.stages));
  const others = Object.entries(status.collectors).flatMap(([collector, one]) =>
    Object.entries(one.stages).map(([name, stage]) => [`${collector} ${name}`, stage]));
  return [...others, ...shared];
}

export function showStatus(status) {
  showVerdict(status.verdict);
  const all = stages(status);
  const stage = (name) => all.find(([other]) => other.endsWith(name))?.[1];
  showFeed(stage('ingest-stream'), status.continuity);
  const silent = all.filter(([, one]) => !one);
  tile('stages', 'Stages', `${all.length - silent.length} of ${all.length}`, silent.length ? 'failed' : 'ok',
    el('ul', { class: 'dots' }, all.map(([name, one]) => el('li', { 'data-state': one ? 'ok' : 'failed' },
      `${name} `, el('span', {}, one?.state ?? 'silent')))));
  showStore(stage('store-writer'), status.disk);
  showDisk(status);
  showQuota(status.quota);
}

function showVerdict(verdict) {
  const bad = verdict.findings.filter((finding) => finding.state !== 'ok');
  const text = ({ collector, check, subject, finding }) =>
    `${collector ? `${collector}: ` : ''}${check}${subject ? ` ${subject}` : ''}: ${finding}`;
  tile('verdict', 'Verdict', words[verdict.state] ?? verdict.state, verdict.state,
    bad.length ? el('ul', { class: 'findings' }, bad.map((finding) => el('li', { 'data-state': finding.state }, text(finding),
      finding.advice ? el('span', { class: 'advice' }, finding.advice) : '')))
      : 'Feed, stages, store and disk do what they should.');
  document.title = verdict.state === 'ok' ? 'Candlewick' : `${verdict.state === 'failed' ? '✖' : '▲'} Candlewick`;
}

function showFeed(ingest, continuity) {
  const metric = (name) => ingest?.metrics[`candlewick_${name}`];
  const blind = continuity.blindPairs.length;
  const state = !ingest ? 'failed' : continuity.blindSince || blind ? 'warning' : 'ok';
  const lacking = metric('subscriptions_lacking');
  tile('feed', 'Feed', ingest?.state ?? 'silent', state,
    `${whole(metric('ticks_per_second') ?? 0)} ticks/s`,
    `${counted(metric('subscriptions') ?? 0, 'pair')}${lacking ? `, ${lacking} lacking` : ''}`,
    blind ? `${counted(blind, 'pair')} blind` : counted(metric('reconnects_total') ?? 0, 'reconnect'),
    counted(continuity.lostUpdates, 'lost update'));
}

function showStore(store, disk) {
  const delay = store?.metrics.candlewick_commit_delay_seconds;
  const newest = store?.metrics.candlewick_newest_interval_timestamp_seconds;
  tile('store', 'Store', store?.state ?? 'silent', store ? 'ok' : 'failed',
    newest ? `newest ${dayAndMinute(newest).slice(11)}` : 'no candle yet',
    `commit ${delay === undefined ? none : span(delay)}`, bytes(disk.database));
}

export function journals(status) {
  return status.collectors
    ? Object.entries(status.collectors).flatMap(([name, one]) => Object.entries(one.journals).map(([stream, size]) => [`${name} ${stream}`, size]))
    : Object.entries(status.disk.journals);
}

function showDisk(status) {
  const { free, database } = status.disk;
  const used = journals(status).reduce((sum, [, size]) => sum + size, 0);
  const finding = status.verdict.findings.find(({ check }) => check.includes('disk'));
  tile('disk', 'Disk', bytes(free), finding?.state ?? 'ok', 'free', `journals ${bytes(used)}`, `database ${bytes(database)}`);
}

function showQuota(quota) {
  const share = quota.total ? quota.remaining / quota.total : 0;
  tile('quota-tile', 'Quota', whole(quota.remaining), share < 0.1 ? 'warning' : 'ok',
    el('meter', { min: 0, max: quota.total, value: quota.remaining, 'aria-label': 'Points left' }),
    `of ${whole(quota.total)} points`, quota.renewal ? `until ${dayAndMinute(quota.renewal).slice(5)}` : null,
    quota.isTold ? null : 'not yet reported by the broker');
}

/** Open holes: what is partial or missing, and what of it repair will look at. */
export function showHoles(report, continuity) {
  const planned = report.gaps.filter((gap) => gap.repair === 'planned');
  const intervals = report.gaps.reduce((sum, gap) => sum + gap.intervals, 0);
  const last = continuity?.holesOfLastDay;
  tile('holes', 'Open holes', whole(report.gaps.length), report.gaps.length ? 'warning' : 'ok',
    report.gaps.length ? `${counted(intervals, 'interval')}, 7 days` : 'in 7 days',
    report.gaps.length ? `${whole(planned.length)} for repair` : null,
    last ? `${last.count ? `blind ${span(last.blindMilliseconds / 1000)}` : 'never blind'} in 24 h` : null);
}

export function problemTile(id, name, message) { tile(id, name, none, 'warning', message); }
