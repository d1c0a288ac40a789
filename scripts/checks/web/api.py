# packages: schemathesis==4.32.5
"""Our own interface: schemathesis asks what the OpenAPI document allows and forbids, and values equal the database's."""

import copy
import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from world import until

SETTINGS = {"timeframes": ("1m", "5m"), "speed": 60}
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,unsupported_method"
)
# Cases of each path.
EXAMPLES = 520 if os.environ.get("CHECK_FULL") else 25
UNITS = Decimal(10) ** 9


def check_document(world):
    """schemathesis finds no answer that the OpenAPI document does not describe"""
    until("it is ready", 30, lambda: world.get("/readyz").status == 200, 0.1)
    ask(world, world.get("/api/v1/openapi.json").json, "document.json")


def check_stored_values(world):
    """the same with the names and times that are stored"""
    document = copy.deepcopy(world.get("/api/v1/openapi.json").json)
    first, last = world.rows("SELECT MIN(open_time), MAX(open_time) FROM candle")[0]
    schemas = {
        "pair": {"type": "string", "enum": world.pairs},
        "timeframe": {"type": "string", "enum": ["1m", "5m", "1", "5"]},
        "time": {"type": "integer", "minimum": first - 600, "maximum": last + 600},
        "from": {"type": "integer", "minimum": first - 600, "maximum": last},
        "to": {"type": "integer", "minimum": last, "maximum": last + 600},
    }
    for path in document["paths"].values():
        for parameter in path["get"].get("parameters", []):
            parameter["schema"] = schemas.get(parameter["name"], parameter["schema"])
            parameter.pop("example", None)
    # What is not in such a list may be right all the same.
    ask(world, document, "stored.json", "--mode", "positive")


def ask(world, document, name, *options):
    """Lets schemathesis ask; prints how many cases there were."""
    path = world.folder / name
    path.write_text(json.dumps(document))
    headers = [word for key, value in world.authorization.items() for word in ("-H", f"{key}: {value}")]
    # Events have no end.
    command = [
        str(Path(sys.executable).with_name("st")), "--no-color", "run", str(path), "--url", world.url + "/api/v1",
        "--exclude-path", "/events", "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES),
        "--seed", "1", "--continue-on-failure", "--checks", CHECKS, "--warnings", "off", "--request-timeout", "30",
        "--suppress-health-check", "all", *headers, *options,
    ]  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    result = subprocess.run(
        command, cwd=world.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", timeout=1_100)
    cases = re.search(r"^ *(\d+) generated.*", result.stdout, re.M)
    print(f"    {cases[0].strip() if cases else 'no cases'}", flush=True)
    assert result.returncode == 0 and cases, result.stdout[-6_000:]


def check_candles_equal_the_database(world):
    """page by page, candles equal the database's to the last digit, without hole or repeat"""
    sides = ("bid", "ask", "mid")
    columns = [f"{side}_{part}" for side in sides for part in ("open", "high", "low", "close")]
    pages, start = [], 0
    while page := candles(world, f"?from={start}&count=7"):
        pages += page
        start = page[-1]["time"] + 1
    rows = world.rows(
        f"""SELECT open_time, tick_count, complete, {', '.join(columns)} FROM candle
            WHERE instrument_id = (SELECT id FROM instrument WHERE name = 'EUR_USD') AND timeframe = 60
                AND open_time <= ? ORDER BY open_time""", (pages[-1]["time"],))  # fmt: skip
    shown = [
        (candle["time"], candle["ticks"], int(candle["complete"]))
        + tuple(int(price * UNITS) for side in sides for price in candle[side] or [Decimal()] * 4)
        for candle in pages
    ]
    assert len(rows) > 5, "too few candles to compare"
    # A candle that was revised between the two is another one.
    differing = [pair for pair in zip(shown, rows) if pair[0] != pair[1]]
    assert [row[0] for row in shown] == [row[0] for row in rows] and len(differing) <= 1, differing


def candles(world, query):
    text = world.get("/api/v1/candles/EUR_USD/1m" + query).text
    return json.loads(text, parse_float=Decimal)["candles"]
