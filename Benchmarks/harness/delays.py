"""Tables of `close`: how soon candles can be read after the tick that closes them, and after the interval's end."""

import table


def both(delays):
    """Median and 99th percentile of delays in nanoseconds, in milliseconds."""
    if not delays:
        return "–"
    return ", ".join(f"{table.percentile(delays, part) / 1e6:,.{1 if max(delays) < 1e8 else 0}f}" for part in (0.5, 0.99))


def row(name, candles):
    busy = [candle["from_end"] for candle in candles if candle["is_busy"]]
    quiet = [candle["from_end"] for candle in candles if not candle["is_busy"]]
    ticked = [candle["from_tick"] for candle in candles if candle["from_tick"] is not None]
    return [
        name, both(ticked), f"{len(ticked)}", both(busy + quiet), f"{len(candles)}", both(busy), f"{len(busy)}",
        both(quiet), f"{len(quiet)}", str(sum(candle["revisions"] for candle in candles))]


def parts(name, result):
    """The rows of a run. A cut has three: before it, at the boundary that it hides, and after it."""
    candles = result["candles"]
    if "cut" not in result:
        return [row(name, candles)]
    back = result["recovered"]["time"]
    return [
        row(f"{name}: before it", [each for each in candles if each["end"] < result["cut"]]),
        row(f"{name}: ended during it", [each for each in candles if result["cut"] <= each["end"] < back]),
        row(f"{name}: after it", [each for each in candles if each["end"] >= back])]


def about(name, result):
    """What else a run showed."""
    yield (f"  {name}: {result['ticks'] / result['seconds']:,.0f} ticks a second for {result['seconds']:,.0f} s; "
           f"{result['MiB']:.1f} MiB in all, {result['core'] * 100:.1f}% of a core")
    if "cut" in result:
        back = result["recovered"]
        held = [each for each in result["candles"] if result["cut"] <= each["end"] < back["time"]]
        complete = [each["complete"] - back["time"] for each in held if "complete" in each]
        partial = sum(each.get("complete") != each["read"] for each in held)
        yield (f"  {name}: session {back['event']} after {(back['time'] - result['cut']) / 1e9:.1f} s; {len(held)} candles "
               f"ended meanwhile, {partial} partial at first, {len(complete)} complete {both(complete)} ms after the recovery")
    checked, lacking = result["lacking"]["checked"], len(result["lacking"]["wrong"])
    yield (f"  {name}: {checked - lacking} of {checked} complete candles have as many ticks as the journal and the "
           "broker's history")


def wrong(name, result):
    if result["missing"]:
        yield f"{name}: {result['missing']} rows COULD NOT be read when `stored` reported them"
    for pair, seconds, start, stored, journalled, sent in result["lacking"]["wrong"][:20]:
        yield f"{name}: {pair} {seconds // 60}m {start} is complete with {stored} ticks; journal {journalled}, broker {sent}"
    if not result["candles"]:
        yield f"{name}: NO candle came"


def show(results):
    """Prints the table; the rows for the results file, and sentences about what is wrong."""
    print("\nMedian and 99th percentile in ms; n: candles. Busy: the pair's next tick is stamped within 1 s of the end.\n")
    head = ["", "closing tick to row", "n", "interval's end to row", "n", "busy", "n", "quiet", "n", "revisions"]
    table.markdown([head, *(line for name, result in results.items() for line in parts(name, result))])
    print()
    for name, result in results.items():
        for sentence in about(name, result):
            print(sentence)
    return results, [sentence for name, result in results.items() for sentence in wrong(name, result)]
