"""What can be said of the files of monitoring/ without a running pipeline."""

import copy
import json
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
MONITORING = ROOT / "monitoring"
RULES, TESTS = MONITORING / "candlewick.rules.yml", MONITORING / "candlewick.rules.test.yml"
BOARD = MONITORING / "grafana-candlewick.json"
ANNOTATIONS = {"summary", "cause", "action", "runbook"}
# Those of the box itself, and of the monitoring.
AT_ANY_TIME = {"CandlewickBoxDead", "CandlewickStoreError", "CandlewickJournalError", "CandlewickDiskFull",
               "CandlewickBackupOld", "CandlewickWatchdog"}  # fmt: skip
# Missing while all is well: before the first purchase, and while no hole is open.
MAY_BE_MISSING = {"candlewick_quota_renewal_timestamp_seconds", "candlewick_hole_timestamp_seconds"}
SERIES = re.compile(r"\bcandlewick_[a-z_]+\b")
DURATION = re.compile(r"(\[|for: |offset |(?:group_wait|group_interval|repeat_interval): )(\d+)([smhd])\b")
MILLISECONDS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def shortened(text, factor):
    """The same rules or the same Alertmanager with all durations divided; numbers in expressions stay as they are."""
    return DURATION.sub(lambda found: f"{found[1]}{int(found[2]) * MILLISECONDS[found[3]] // factor}ms", text)


def loaded():
    return yaml.safe_load(RULES.read_text())


def alerts(rules=None):
    return [rule for group in (rules or loaded())["groups"] for rule in group["rules"] if "alert" in rule]


def run(command):
    """Nothing, or what the command says when it fails."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
    return "" if result.returncode == 0 else (result.stdout + result.stderr)[-3000:]


class Rules:
    """The checks, each with its name; a check gives what is wrong, or nothing."""

    def __init__(self, promtool, amtool):
        self.promtool, self.amtool = promtool, amtool

    def checks(self, full):
        yield "promtool reads prometheus.yml and the rules", self.syntax
        yield "amtool reads alertmanager.yml and its samples", self.alertmanager
        yield "each alert goes to the receiver of its severity", self.routes
        yield "the rules pass their unit tests", self.unit_tests
        yield "each alert has a test in which it fires, and one in which it does not", self.fires_and_does_not
        yield "each alert says what, why, what to do and where to read on", self.annotations
        yield "each alert but those of the box knows the trading hours", self.trading_hours
        yield "each series is in docs/metrics.md, and fires when it is missing", self.series
        yield "each alert is in the table of docs/monitoring.md", self.table
        if full:
            yield "each rule that is broken fails a test", self.mutants

    def syntax(self):
        return run([self.promtool, "check", "config", MONITORING / "prometheus.yml"])

    def alertmanager(self):
        path = MONITORING / "alertmanager.yml"
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            # Each sample in the place of the webhook, and the call of the dead man's switch.
            text, _, rest = path.read_text().partition("    webhook_configs:\n      - url: http://127.0.0.1:9642/page\n")
            rest, telegram, after = re.split(r"(    # Telegram.*\n(?:    # .*\n)+)", rest)
            samples = re.sub(r"^    # (?=webhook_configs|email_configs|  )", "    ", rest, flags=re.M)
            after = re.sub(r"^    # (?=webhook_configs|  )", "    ", after, flags=re.M)
            file.write(text + samples + after)
            file.flush()
            return run([self.amtool, "check-config", path]) or run([self.amtool, "check-config", file.name])

    def routes(self):
        command = [self.amtool, "config", "routes", "test", f"--config.file={MONITORING / 'alertmanager.yml'}"]
        receivers = {"page": "pager", "warn": "mornings", "none": "dead-man"}
        return "\n".join(
            run([*command, f"--verify.receivers={receivers[severity]}", f"severity={severity}", f"alertname={name}"])
            for name, severity in {(alert["alert"], alert["labels"]["severity"]) for alert in alerts()}
        ).strip()

    def unit_tests(self):
        return run([self.promtool, "test", "rules", TESTS])

    def fires_and_does_not(self):
        fires, rests = set(), set()
        names = {alert["alert"] for alert in alerts()}
        for test in yaml.safe_load(TESTS.read_text())["tests"]:
            for case in test["promql_expr_test"]:
                if "ALERTS" not in case["expr"]:
                    continue
                samples = " ".join(sample["labels"] for sample in case["exp_samples"])
                found = {name for name in names if f'alertname="{name}"' in samples}
                fires |= found
                rests |= names - found if 'severity!="none"' not in case["expr"] else names - found - {"CandlewickWatchdog"}
        lacking = [f"{name} never fires" for name in sorted(names - fires)]
        lacking += [f"{name} always fires" for name in sorted(names - rests)]
        return "\n".join(lacking)

    def annotations(self):
        wrong = []
        for alert in alerts():
            name, notes = alert["alert"], alert["annotations"]
            if set(notes) != ANNOTATIONS or not all(notes.values()):
                wrong.append(f"{name} has {sorted(notes)}")
            if alert["labels"]["severity"] not in ("page", "warn", "none"):
                wrong.append(f"{name} has an unknown severity")
            path, _, anchor = notes.get("runbook", "").partition("#")
            if not (ROOT / path).is_file() or anchor not in anchors(ROOT / path):
                wrong.append(f"{name}: {notes.get('runbook')} does not exist")
        return "\n".join(wrong)

    def trading_hours(self):
        return "\n".join(
            f"{alert['alert']} does not look at candlewick_in_session"
            for alert in alerts()
            if alert["alert"] not in AT_ANY_TIME and "candlewick_in_session" not in alert["expr"]
        )

    def series(self):
        known = set(re.findall(r"^\| `(candlewick_\w+)`", (ROOT / "docs" / "metrics.md").read_text(), flags=re.M))
        known |= {name + suffix for name in known for suffix in ("_bucket", "_sum", "_count")}
        needed = set().union(*(SERIES.findall(rule["expr"]) for group in loaded()["groups"] for rule in group["rules"]))
        missing = next(alert["expr"] for alert in alerts() if alert["alert"] == "CandlewickSeriesMissing")
        watched = set(re.findall(r'"series", "(\w+)"', missing))
        unwatched = needed - watched - MAY_BE_MISSING
        shown = set().union(*(SERIES.findall(expression) for _, expression in board_expressions()))
        wrong = [f"{name} is not in docs/metrics.md" for name in sorted((needed | shown) - known)]
        return "\n".join(wrong + [f"CandlewickSeriesMissing lacks {name}" for name in sorted(unwatched)])

    def table(self):
        text = (ROOT / "docs" / "monitoring.md").read_text()
        rows = dict(re.findall(r"^\| `(Candlewick\w+)` \|.*\| ([^|]+) \|$", text, flags=re.M))
        severities = {}
        for alert in alerts():
            severities.setdefault(alert["alert"], []).append(alert["labels"]["severity"])
        severities = {name: ", ".join(values) for name, values in severities.items()}
        return "\n".join(
            f"{name}: {rows.get(name)} in docs/monitoring.md, {severities.get(name)} in the rules"
            for name in sorted(severities.keys() | rows.keys())
            if rows.get(name) != severities.get(name)
        )

    # MARK: Mutants

    def mutants(self):
        """Breaks one rule after the other: a test must fail."""
        with ThreadPoolExecutor(2) as pool:
            return "\n".join(found for found in pool.map(self.survives, broken(loaded())) if found)

    def survives(self, mutant):
        name, what, rules = mutant
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / RULES.name).write_text(yaml.safe_dump(rules, sort_keys=False))
            (Path(folder) / TESTS.name).write_text(yaml.safe_dump(tests_of(name)))
            failed = run([self.promtool, "test", "rules", Path(folder) / TESTS.name])
        if not what:
            return f"{name} alone: {failed}" if failed else ""
        return "" if failed else f"no test fails although {name} {what}"


def tests_of(name):
    """The tests without what they say of other alerts, which are not there."""
    tests = yaml.safe_load(TESTS.read_text())
    for test in tests["tests"]:
        for case in test["promql_expr_test"]:
            case["exp_samples"] = [
                sample for sample in case["exp_samples"]
                if "alertname" not in sample["labels"] or f'"{name}"' in sample["labels"]
            ]  # fmt: skip
        test["alert_rule_test"] = [case for case in test.get("alert_rule_test", []) if case["alertname"] == name]
    tests["tests"] = [
        test for test in tests["tests"]
        if name == "CandlewickSeriesMissing" or not any('series="' in case["expr"] or "(series)" in case["expr"]
                                                        for case in test["promql_expr_test"])
    ]  # fmt: skip
    return tests


def broken(rules):
    """Each way to break one rule, with the ages and the rules of its name alone: name, what is wrong, rules."""
    every = [rule for group in rules["groups"] for rule in group["rules"]]
    for name in dict.fromkeys(rule["alert"] for rule in every if "alert" in rule):
        own = [rule for rule in every if rule.get("alert", name) == name]
        yield name, "", grouped(own)
        for number, rule in enumerate(own):
            for what, change in ways(rule).items():
                other = copy.deepcopy(own)
                other[number].update(change)
                yield name, f"({rule['labels']['severity']}) {what}", grouped(other)


def ways(rule):
    """By what is wrong, what changes in a rule."""
    if "alert" not in rule:
        return {}
    changes = {"never fires": {"expr": "vector(0) > 1"}, "always fires": {"expr": "vector(1)", "for": "0s"}}
    if "candlewick_in_session" in rule["expr"] and rule["alert"] != "CandlewickSeriesMissing":
        text = re.sub(r"(candlewick_in_session(?:\[\w+\]\))?) == 1", r"\1 >= 0", rule["expr"])
        changes["does not know the trading hours"] = {"expr": text}
    if "for" in rule:
        changes["fires at once"] = {"for": "0s"}
    return changes


def grouped(rules):
    return {"groups": [{"name": "candlewick", "rules": rules}]}


def anchors(path):
    """As GitHub makes them of the headings."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def board_expressions():
    """Each expression of the board, with its panel's title."""
    found = []
    for panel in json.loads(BOARD.read_text())["panels"]:
        found += [(panel["title"], target["expr"]) for target in panel.get("targets", [])]
    return found
