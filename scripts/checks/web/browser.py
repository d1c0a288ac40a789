"""The page in a headless browser, for the checks in page.py: its window, and what it shows beside what is stored."""

import atexit
import functools
import json
import os
import subprocess
from pathlib import Path

from playwright.sync_api import sync_playwright
from world import Skip, until

CHROMIUM = Path("/usr/bin/chromium")
SCRIPTS = Path(__file__).resolve().parents[2]
# Got once: it is checked at each run.
ASSETS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "candlewick/web/assets"
DESK, PHONE = (1280, 900), (390, 844)
COLUMNS = [f"{side}_{value}" for side in ("bid", "ask", "mid") for value in ("open", "high", "low", "close")]


def whole_only():
    """Ends a check that belongs to the whole form."""
    if not os.environ.get("CHECK_FULL"):
        raise Skip("scripts/check-web --full runs it")


@functools.cache
def browser():
    if not CHROMIUM.exists():
        raise Skip("chromium is missing: scripts/bootstrap --web installs it")
    driver = sync_playwright().start()
    # Its sandbox needs what root in a container lacks.
    chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    atexit.register(lambda: (chromium.close(), driver.stop()))
    return chromium


class Page:
    """The page in a window of its own. What it complained of and whom it asked is kept."""

    def __init__(self, world, size=DESK, colors="light", fragment=""):
        self.complaints, self.strangers, self.url = [], [], world.url
        self.context = browser().new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=colors, has_touch=size == PHONE)
        self.context.on("request", self.asked)
        self.tab = self.context.new_page()
        self.tab.on("console", lambda line: line.type == "error" and self.complaints.append(line.text))
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.goto(f"{world.url}/{fragment}")
        self.until("candles are drawn", "candlewick?.drawn.length > 3")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def asked(self, request):
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.strangers.append(request.url)

    def value(self, expression):
        # Through the debugger: the page's policy allows no evaluation.
        return self.tab.evaluate(f"() => {{ const candlewick = window.candlewick; return {expression}; }}")

    def until(self, what, expression, seconds=60):
        return until(what, seconds, lambda: self.value(expression), 0.1)

    def hold(self, pattern):
        """Holds back requests that match; what it returns lets them go."""
        held = []
        self.tab.route(pattern, lambda route: held.append(route))

        def release():
            for route in held:
                route.continue_()
            self.tab.unroute(pattern)
        return release

    def newest(self):
        """Start of the newest complete candle."""
        return self.value("Math.max(0, ...candlewick.candles.filter((one) => one.complete).map((one) => one.time))")

    def until_newer(self, than, seconds=60):
        until("a newer complete candle is drawn", seconds, lambda: self.newest() > than, 0.1)


def install_library(world, is_wanted=True):
    """With the chart library, or without it; starts candlewick-web again if that changes."""
    folder = ASSETS if is_wanted else world.folder / "no-assets"
    if world.pipeline.environment.get("CANDLEWICK_WEB_ASSETS") == str(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    if is_wanted:
        subprocess.run([SCRIPTS / "web-assets", folder], check=True)
    world.pipeline.environment["CANDLEWICK_WEB_ASSETS"] = str(folder)
    start_web(world)


def start_web(world):
    """At the address that it has: the page comes back to the same one."""
    world.start_web(listen=world.url.removeprefix("http://"))
    until("it is ready", 30, lambda: world.get("/readyz").status == 200, 0.1)


def shown_and_stored(world, page):
    """Candles as the page has and draws them, and as the database has them, by their start."""
    shown = page.value("""({
        pair: candlewick.pair, minutes: parseInt(candlewick.timeframe), side: candlewick.side,
        candles: candlewick.candles.filter((one) => !one.forming), drawn: candlewick.drawn })""")
    rows = world.rows(
        f"SELECT open_time, {', '.join(COLUMNS)}, tick_count, complete, revision FROM candle c"
        " JOIN instrument i ON i.id = c.instrument_id WHERE i.name = ? AND timeframe = ?",
        (shown["pair"], shown["minutes"] * 60))
    stored = {row[0]: row[1:] for row in rows}
    return shown, stored


def differences(world, page):
    shown, stored = shown_and_stored(world, page)
    drawn = {bar["time"]: [bar[key] for key in ("open", "high", "low", "close")] for bar in shown["drawn"]}
    wrong = []
    for candle in shown["candles"]:
        row = stored.get(candle["time"])
        prices = [price for side in ("bid", "ask", "mid") for price in candle[side] or [0] * 4]
        # Units of 1e-9; a double holds far more digits than prices have.
        units = [round(price * 1e9) for price in prices]
        if row is None or (*units, candle["ticks"], candle["complete"], candle["revision"]) != row:
            wrong.append((candle, row))
        elif drawn.get(candle["time"]) != candle[shown["side"]]:
            wrong.append((candle, drawn.get(candle["time"])))
    if len(shown["candles"]) < min(3, len(stored)):
        wrong.append(("too few candles", len(shown["candles"]), len(stored)))
    return wrong


def equal(world, page, seconds=30):
    """Waits until page and database agree: a candle may be revised between the two looks."""
    until("the page's candles equal the database's", seconds, lambda: not differences(world, page), 0.2)


def moves(page, seconds=30):
    before = page.value("[candlewick.quotes, candlewick.drawn.at(-1)]")
    page.until("quotes move", f"JSON.stringify(candlewick.quotes) !== JSON.stringify({json.dumps(before[0])})", seconds)
    page.until("the chart moves", f"JSON.stringify(candlewick.drawn.at(-1)) !== JSON.stringify({json.dumps(before[1])})", seconds)


def calm(page):
    assert page.strangers == [], f"the page asked other hosts: {page.strangers}"
    assert page.complaints == [], f"the browser's console has errors: {page.complaints}"


def keep(page, name):
    folder = os.environ.get("CHECK_WEB_SCREENSHOTS")
    if folder:
        page.tab.screenshot(path=f"{folder}/{name}.png")
        page.tab.screenshot(path=f"{folder}/{name}-whole.png", full_page=True)
