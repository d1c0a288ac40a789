"""Whether a real scrape of candlewick-web is what Prometheus wants, and all that docs/metrics.md promises."""

import re
import subprocess
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROW = re.compile(r"^\| `(candlewick_\w+)` \| (counter|gauge|histogram) \| ([^|]*) \|", re.MULTILINE)
SERIES = re.compile(r"^(candlewick_\w+?)(_bucket|_sum|_count)?(\{.*\})? (\S+)$")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Of a pipeline that is well and bought nothing: the status of ingest-backfill is not scraped.
MAY_BE_MISSING = {
    "candlewick_purchases_left", "candlewick_points_spent", "candlewick_points_left", "candlewick_commit_delay_seconds",
    "candlewick_quota_renewal_timestamp_seconds", "candlewick_hole_timestamp_seconds",
    "candlewick_database_wal_bytes", "candlewick_busy_candle_delay_seconds",
    "candlewick_quiet_candle_delay_seconds",
}  # fmt: skip


def check(base, promtool, seconds=60):
    """Scrapes BASE/metrics until all is there, at most so long. Returns what is wrong, in lines; empty if nothing is."""
    deadline = time.monotonic() + seconds
    while True:
        wrong = look(base, promtool)
        if not wrong or time.monotonic() > deadline:
            return "\n".join(wrong)
        time.sleep(0.5)


def look(base, promtool):
    with urllib.request.urlopen(f"{base}/metrics", timeout=20) as answer:
        kind, text = answer.headers["Content-Type"], answer.read().decode()
    wrong = [] if kind == CONTENT_TYPE else [f"Content-Type is {kind}"]
    lint = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    if lint.returncode != 0 or lint.stdout or lint.stderr:
        wrong.append(f"promtool check metrics: {lint.stdout}{lint.stderr}".strip())
    return wrong + families(text) + values(text)


def families(text):
    """Each family of the scrape is documented with its type and labels, and each documented one is there."""
    documented = {name: (kind, labels) for name, kind, labels in ROW.findall((ROOT / "docs" / "metrics.md").read_text())}
    found = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, flags=re.MULTILINE))
    wrong = [f"{name} is missing" for name in sorted(documented.keys() - found.keys() - MAY_BE_MISSING)]
    wrong += [f"{name} is not in docs/metrics.md" for name in sorted(found.keys() - documented.keys())]
    for name in sorted(found.keys() & documented.keys()):
        kind, labels = documented[name]
        if found[name] != kind:
            wrong.append(f"{name} is a {found[name]}, and a {kind} in docs/metrics.md")
        sample = next(line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ", f"{name}_")))
        wrong += [f"{name} lacks the label {label}" for label in re.findall(r"\w+", labels) if f'{label}="' not in sample]
    return wrong


def values(text):
    """What must hold of a pipeline that runs."""
    series = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SERIES.match(line)
        if not match:
            return [f"no sample: {line}"]
        series.setdefault(match[1] + (match[2] or ""), {})[match[3] or ""] = float(match[4])
    wrong = [f"{name} is not 1 in all: {series.get(name)}" for name in ("candlewick_stage_up", "candlewick_database_up")
             if set(series.get(name, {"": 0}).values()) != {1}]  # fmt: skip
    for name in ("candlewick_verdict", "candlewick_feed_state"):
        states = list(series.get(name, {}).values())
        if states.count(1) != 1 or set(states) != {0, 1}:
            wrong.append(f"{name} is not 1 in one state: {series.get(name)}")
    for name in (name for name in series if name.endswith("_bucket")):
        wrong += histogram(name.removesuffix("_bucket"), series)
    return wrong


def histogram(name, series):
    """Buckets rise, and the last one holds all."""
    wrong = []
    groups = {}
    for labels, value in series[f"{name}_bucket"].items():
        edge = re.search(r'le="([^"]*)"', labels)[1]
        groups.setdefault(re.sub(r',?le="[^"]*"', "", labels), []).append((float(edge), value))
    for labels, buckets in groups.items():
        counts = [count for _, count in sorted(buckets)]
        if counts != sorted(counts) or counts[-1] != series[f"{name}_count"].get(labels.replace("{}", "")):
            wrong.append(f"{name}{labels}: {sorted(buckets)}")
    return wrong
