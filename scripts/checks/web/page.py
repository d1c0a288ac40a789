"""The page in a headless browser: what it shows, what it asks for, and that it lives through restarts."""

# packages: playwright==1.65.2 axe-core-python==0.1.0

import atexit
import functools
import json
import os
import subprocess
from pathlib import Path

import axe_core_python
from playwright.sync_api import sync_playwright
from world import Skip, until

CHROMIUM = Path("/usr/bin/chromium")
SCRIPTS = Path(__file__).resolve().parents[2]
SETTINGS = {"speed": 60, "timeframes": ("1m", "5m")}
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


# The checks


def check_library(world):
    """The page draws by the library and moves by itself, asks no other host, and the console stays empty."""
    install_library(world)
    with Page(world) as page:
        if page.value("candlewick.library") != "lightweight-charts":
            raise Skip("the chart library cannot be had")
        moves(page)
        equal(world, page)
        calm(page)


def check_plain(world):
    """Without the library the page draws on a canvas, says so, and moves too."""
    whole_only()
    install_library(world, is_wanted=False)
    with Page(world) as page:
        assert page.value("candlewick.library") == "canvas"
        assert "not installed" in page.tab.inner_text("#engine")
        moves(page)
        equal(world, page)
        calm(page)
    install_library(world)


def check_sides(world):
    """Bid, ask and every timeframe show the database's candles."""
    whole_only()
    with Page(world) as page:
        for group, names in (("Side of the price", ("bid", "ask", "mid")), ("Timeframe", ("5m", "1m"))):
            for name in names:
                page.tab.get_by_role("group", name=group).get_by_role("button", name=name, exact=True).click()
                page.until(f"{name} is shown", f"[candlewick.side, candlewick.timeframe].includes('{name}')")
                equal(world, page)
        calm(page)


def check_calculations(world):
    """Averages, places of holes, blind stretches and the points of the past are what they should be."""
    whole_only()
    with Page(world) as page:
        found = page.tab.evaluate("""async () => {
            const [series, timeline, quota] = await Promise.all(
                ['series', 'timeline', 'quota'].map((name) => import(`/assets/${name}.js`)));
            const candle = (time, close) => ({ time, mid: [close, close, close, close], ticks: 1, complete: true, source: 'streamed' });
            const drawn = (...times) => series.drawnItems(times.map((time) => candle(time, time)), 'mid', 60);
            const event = (name, time, more) => ({ event: name, time, pair: null, ...more });
            return {
                averages: series.movingAverage(drawn(60, 120, 240, 300), 2),
                hole: drawn(60, 240).map((item) => item.time),
                weekend: drawn(60, 60 + 2 * 86400).length,
                stretches: timeline.stretches([
                    event('session new', 100), event('blind ended', 100, { detail: 'from the start' }),
                    event('blind began', 210, { from: 200 }), event('blind ended', 300, { from: 200, until: 300 }),
                    event('blind began', 350, { pair: 'EUR_USD' })], {}, 50, 400)
                    .map((one) => [one.kind, one.from, one.until]).sort(),
                old: timeline.stretches([], { blindSince: 10e9 }, 50, 400).map((one) => [one.kind, one.from, one.until]),
                never: timeline.stretches([], { blindSince: 0 }, 50, 400).map((one) => [one.kind, one.from, one.until]),
                points: quota.steps(900, [{ time: 5, points: 7 }, { time: 10, points: 60 }, { time: 20, points: 40 }], 8),
            };
        }""")
        expected = {
            "averages": [None, 90, None, 180, 270],
            "hole": [60, 120, 180, 240],
            "weekend": 2,
            "stretches": [["before", 50, 100], ["blind", 200, 300], ["pair", 350, 400]],
            "old": [["blind", 50, 400]],
            "never": [["before", 50, 400]],
            "points": {"start": 1000, "points": [
                {"time": 10, "before": 1000, "after": 940}, {"time": 20, "before": 940, "after": 900}]},
        }
        for name, value in expected.items():
            assert found[name] == value, f"{name}: {found[name]} instead of {value}"


def check_keyboard(world):
    """By the keyboard alone: a pair, a candle of it, and its explanation."""
    whole_only()
    with Page(world) as page:
        keys = page.tab.keyboard
        for _ in range(60):
            keys.press("Tab")
            if page.value("document.activeElement.textContent") == "USD/JPY":
                break
        keys.press("Enter")
        page.until("the pair is shown", "candlewick.pair === 'USD_JPY' && candlewick.drawn.length > 3")
        for _ in range(60):
            keys.press("Tab")
            if page.value("document.activeElement.id") == "canvas":
                break
        for _ in range(3):
            keys.press("ArrowLeft")
        assert page.value("candlewick.cursor") is not None
        keys.press("Enter")
        page.until("the candle is explained", "/^Kept: /m.test(document.querySelector('.decision')?.textContent ?? '')")
        keys.press("Escape")
        assert page.value("candlewick.cursor") is None
        calm(page)


def check_sorting(world):
    """A heading of the table sorts it."""
    whole_only()
    with Page(world) as page:
        first = "document.querySelector('.pairs tbody th').textContent"
        assert page.value(first).startswith("EUR/USD")
        page.tab.locator(".pairs .sort").first.click()
        assert page.value(first).startswith("USD/JPY")


def check_web_restarted(world):
    """When candlewick-web ends, the page says since when; when it is back, the page goes on."""
    with Page(world) as page:
        world.web.stop()
        page.until("the page says that the connection is lost", "document.querySelector('#banner').offsetHeight > 0")
        assert page.tab.inner_text("#banner").startswith("Connection lost since ")
        assert page.value("document.body.classList.contains('stale')")
        start_web(world)
        before = page.newest()
        page.until("the page is live again", "candlewick.connection.state === 'live'")
        assert not page.tab.is_visible("#banner")
        page.until_newer(before)
        moves(page)
        equal(world, page)
        assert page.strangers == []


def check_stage_restarted(world):
    """When a stage ends and comes back, the page shows both and goes on without a reload."""
    whole_only()
    with Page(world) as page:
        for stage in ("store-writer", "aggregator"):
            world.stop(stage)
            page.until("the page says so", "document.querySelector('#stages').dataset.state === 'failed'")
            world.start(stage)
            page.until("all stages are back", "document.querySelector('#stages').dataset.state === 'ok'")
            page.until_newer(page.newest())
        equal(world, page)
        calm(page)


def check_database_replaced(world):
    """When the database is restored from a backup, the page goes on with the restored one."""
    whole_only()
    backup = world.folder / "backup.db"
    world.candlewick("maintain", "backup", str(backup))
    with Page(world) as page:
        page.until_newer(page.newest())
        world.stop("store-writer")
        for file in world.pipeline.database.parent.glob(f"{world.pipeline.database.name}*"):
            file.unlink()
        backup.rename(world.pipeline.database)
        before = page.newest()
        world.start("store-writer")
        page.until_newer(before)
        equal(world, page, 90)
        assert page.strangers == []


def check_accessible(world):
    """axe-core finds nothing serious: on desk and phone, light and dark, with the library and without."""
    axe = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
    found = []
    for size, colors in ((DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")):
        with Page(world, size, colors) as page:
            page.tab.focus("#canvas")
            page.tab.keyboard.press("ArrowLeft")
            page.tab.keyboard.press("Enter")
            page.until("the candle is explained", "document.querySelector('.decision') !== null")
            page.tab.evaluate(axe)
            for violation in page.tab.evaluate("() => axe.run().then((result) => result.violations)"):
                if violation["impact"] in ("serious", "critical"):
                    found.append((size, colors, violation["id"], [node["target"] for node in violation["nodes"]]))
    assert found == [], found


def check_narrow(world):
    """Nothing is wider than a phone's screen, light or dark; pictures are kept where asked for."""
    for is_wanted in (False, True):
        install_library(world, is_wanted)
        for size in (DESK, PHONE):
            for colors in ("light", "dark"):
                with Page(world, size, colors) as page:
                    page.until("the panels are there", "document.querySelectorAll('.panel .body').length === 5")
                    assert page.value("document.documentElement.scrollWidth <= innerWidth"), (size, colors)
                    keep(page, f"{page.value('candlewick.library')}-{colors}-{size[0]}")


def keep(page, name):
    folder = os.environ.get("CHECK_WEB_SCREENSHOTS")
    if folder:
        page.tab.screenshot(path=f"{folder}/{name}.png")
        page.tab.screenshot(path=f"{folder}/{name}-whole.png", full_page=True)
