"""Commands of the documents that cannot run here, and the scripts that run them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
INSIDE = "scripts/checks/systemd/inside"
COMMON = "scripts/lib/inside.sh"
PACKAGE = "scripts/checks/package/inside"
# What cannot run here: how the command begins, which script runs it, and what stands there (nothing: the beginning).
ELSEWHERE = [
    ("scripts/test", ".ci/run", "scripts/test"),
    ("scripts/build", "scripts/test", "scripts/build -q"),
    ("scripts/bench", "scripts/test", "scripts/bench --quick"),
    ("apt install ./candlewick_", "scripts/checks/package/bare.sh", "/root/candlewick_*.deb"),
    ("echo 'candlewick candlewick/purge-data boolean true' |", PACKAGE, ""),
    ("systemctl start candlewick-check", PACKAGE, ""),
    ("journalctl -u candlewick-check -o cat", PACKAGE, ""),
    ("python3 -m venv .venv", "scripts/lib/needs.sh", '-m venv "$folder"'),
    ("pip install pandas", "scripts/lib/needs.sh", 'pip" install'),
    ("spark-submit python/fold_spark.py", "scripts/checks/engines/cluster.py", "bin/spark-submit"),
    ("install -m 600 /dev/stdin /etc/credstore/", COMMON, "/etc/credstore/$name"),
    ("usermod -aG candlewick ", INSIDE, "usermod -aG candlewick "),
    ("install -d -m 700 /etc/credstore/", INSIDE, "mkdir -p /etc/credstore/eu"),
    ("systemctl enable --now candlewick-collector@", INSIDE, "--now candlewick-collector@eu.target"),
    ("systemctl disable --now candlewick-collector@", INSIDE, "disable --quiet --now candlewick-collector@eu.target"),
    ("systemctl start candlewick-backfill-run@", INSIDE, "systemctl start candlewick-backfill-run@eu.service"),
    ("systemctl enable --now candlewick.target", COMMON, "systemctl start candlewick.target"),
    ("systemctl enable --now candlewick-archive.timer", INSIDE, "enable --quiet --now candlewick-archive.timer"),
    ("systemctl enable --now candlewick-watch", INSIDE, "enable --now candlewick-watch"),
    ("CREDENTIALS_DIRECTORY=/etc/credstore ", INSIDE, "CREDENTIALS_DIRECTORY=/etc/credstore "),
    ("systemctl enable --now candlewick-relay", INSIDE, "systemctl enable --now candlewick-relay"),
    ("systemctl enable --now candlewick-web", INSIDE, "systemctl enable --now candlewick-web"),
    ("systemctl stop candlewick.target", INSIDE, "systemctl stop candlewick.target"),
    ("systemctl start candlewick-backfill@run", INSIDE, "systemctl start candlewick-backfill@repair.service"),
    ("journalctl -u candlewick-", INSIDE, "-u candlewick-$1.service"),
    ("runuser -u candlewick -- candlewick journal repair", INSIDE, "CANDLEWICK_RUNTIME_DIR candlewick journal repair"),
    ("systemctl stop candlewick-store-writer", INSIDE, ""),
    ("mkdir /var/lib/candlewick/lost", INSIDE, ""),
    ("mv /var/lib/candlewick/candlewick.db*", INSIDE, ""),
    ("install -o candlewick -g candlewick -m 640 ", INSIDE, ""),
    ("systemctl start candlewick-store-writer", INSIDE, ""),
    ("apt-get install prometheus ", "scripts/lib/prometheus.sh", '"$folder" prometheus prometheus-alertmanager'),
    ("systemctl restart prometheus ", "scripts/checks/monitoring/watchers.py", '"--config.file=alertmanager.yml"'),
    ("amtool alert add ", "scripts/checks/monitoring/check.py", '"alert", "add"'),
    ("amtool silence add ", "scripts/checks/monitoring/check.py", '"silence", "add"'),
]


def found(text):
    """The entry of a command, None if it can run here."""
    return next((entry for entry in ELSEWHERE if begins_with(text, entry[0])), None)


def lack(entry):
    """Why the script does not run it; nothing if it does."""
    beginning, script, text = entry
    if not (ROOT / script).exists():
        return f"{script} is missing"
    lacks = (text or beginning) not in (ROOT / script).read_text()
    return f"'{text or beginning}' does not stand in {script}" if lacks else ""


def begins_with(text, start):
    return text.startswith(start) and not re.match(r"[\w-]", text[len(start) :] if start[-1].isalnum() else "")
