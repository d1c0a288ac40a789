"""Figures of interleaved rounds: medians, extremes, and ratios that are taken within a round."""

import statistics


def spread(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def ratios(figures, reference):
    """Of every round in which both have a figure."""
    pairs = [(a, b) for a, b in zip(figures, reference) if a is not None and b is not None]
    return spread([a / b for a, b in pairs]) if pairs else None


def rate(value):
    for limit, unit in [(1e6, " M"), (1e3, " k")]:
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def duration(nanoseconds):
    for limit, unit in [(1e9, " s"), (1e6, " ms"), (1e3, " µs")]:
        if nanoseconds >= limit:
            return f"{nanoseconds / limit:.3g}{unit}"
    return f"{nanoseconds:.0f} ns"


def markdown(rows):
    """Rows of texts as a table of Markdown, whose first column is text; the first row is the head."""
    for number, row in enumerate(rows):
        print(f"| {' | '.join(row)} |")
        if number == 0:
            print("|---" + "|---:" * (len(row) - 1) + "|")


def render(rows):
    """Rows of texts in columns; the first row is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [text.ljust(width) if column == 0 else text.rjust(width)
                 for column, (text, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
