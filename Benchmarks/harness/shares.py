"""Tables of `bench grace`: which share of candles needs a revision, and how late candles close."""

import table

LINES = {True: "each pair's updates in order", False: "updates overtake each other"}
CLOCKS = {False: "heartbeats", True: "predicted"}
RULES = {True: "next_tick", False: "grace"}
MOST = 0.001


def share(row):
    """Of all candles of a setting, busy and quiet."""
    parts = [row["busy"], row["quiet"]]
    return sum(part["revised"] for part in parts) / max(1, sum(part["candles"] for part in parts))


def milliseconds(nanoseconds):
    return f"{nanoseconds / 1e6:,.0f} ms"


def name(setting):
    """The way to close: clocks and rule."""
    return f"{CLOCKS[setting['predicts']]}, {RULES[setting['closesByNextTick']]}"


def way(row):
    return f"{name(row['setting'])}, {milliseconds(row['setting']['grace'])}"


def revisions(rows):
    """A line for each grace, a column for each way to close."""
    names = list(dict.fromkeys(name(row["setting"]) for row in rows))
    yield ["  revised, by grace", *names]
    for grace in sorted({row["setting"]["grace"] for row in rows}):
        of_grace = {name(row["setting"]): row for row in rows if row["setting"]["grace"] == grace}
        yield [f"  {milliseconds(grace)}", *(f"{share(of_grace[each]):.3%}" for each in names)]


def delays(rows):
    """When candles close: on a line that keeps the order, since without it they differ little."""
    yield ["  from end to close", "busy p50", "p99", "worst", "quiet p50", "p99", "worst"]
    for row in rows:
        figures = [row[part][key] for part in ["busy", "quiet"] for key in ["p50", "p99", "worst"]]
        yield [f"  {way(row)}", *map(milliseconds, figures)]


def smallest(rows):
    """The smallest grace of each way to close that revises few enough; `None` if none does."""
    found = {}
    for row in sorted(rows, key=lambda row: row["setting"]["grace"]):
        found.setdefault(name(row["setting"]), None)
        if found[name(row["setting"])] is None and share(row) <= MOST:
            found[name(row["setting"])] = row["setting"]["grace"]
    return found


def show(results):
    """Prints the tables; the rows for the results file, and nothing that is wrong."""
    for result in results.values():
        return shown(result), []
    return {}, []


def shown(result):
    print(f"  {result['ticks']:,} ticks; delays up to {milliseconds(result['longestDelay'])}, seed {result['seed']}")
    for keeps_order, title in LINES.items():
        rows = [row for row in result["rows"] if row["setting"]["keepsOrder"] == keeps_order]
        busy, quiet = rows[0]["busy"]["candles"], rows[0]["quiet"]["candles"]
        print(f"\n  {title}: {busy:,} busy and {quiet:,} quiet candles")
        table.render(list(revisions(rows)))
        for closing, grace in smallest(rows).items():
            least = "with none of these graces" if grace is None else f"from {milliseconds(grace)} on"
            print(f"  {closing}: at most 1 in 1,000 revised {least}")
    print()
    table.render(list(delays([row for row in result["rows"] if row["setting"]["keepsOrder"]])))
    return {f"{LINES[row['setting']['keepsOrder']]}, {way(row)}": row for row in result["rows"]}
