"""The page in a headless browser: what it shows, what it asks for, and that it lives through restarts."""

# packages: playwright==1.65.2 axe-core-python==0.1.0

from pathlib import Path

import axe_core_python
from browser import DESK, PHONE, Page, calm, equal, install_library, keep, moves, start_web, whole_only
from world import Skip

SETTINGS = {"speed": 60, "timeframes": ("1m", "5m")}


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
        release = page.hold("**/api/v1/candles/USD_JPY/*")
        keys.press("Enter")
        page.until("the pair is chosen", "candlewick.pair === 'USD_JPY'")
        assert page.value("candlewick.drawn") == [], "the former pair's candles are drawn under the new one's name"
        release()
        page.until("the pair is shown", "candlewick.drawn.length > 3")
        for _ in range(60):
            keys.press("Tab")
            if page.value("document.activeElement.id") == "canvas":
                break
        explained = "/^Kept: /m.test(document.querySelector('.decision')?.textContent ?? '')"
        keys.press("Enter")
        page.until("the candle that formed is explained when it is stored", explained)
        last = page.value("candlewick.cursor")
        for _ in range(3):
            keys.press("ArrowLeft")
        assert page.value("candlewick.cursor") < last
        keys.press("Enter")
        page.until("the candle is explained", explained)
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
