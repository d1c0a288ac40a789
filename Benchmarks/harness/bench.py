"""Runs the measurements in turns and prints their table; see scripts/bench."""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

import measures
import processes
import programs
import table
from measure import LIMIT, OURS


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=(
        "Measures Candlewick beside C programs that show the machine's limit, and beside what people use. "
        "All subjects of a measurement run in turns; every ratio is taken within a round."))
    parser.add_argument("--quick", action="store_true", dest="is_quick", help="measure less data in three rounds, without peers: under two minutes")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run these measurements only; --list names them")
    parser.add_argument("--list", action="store_true", help="list the measurements")
    parser.add_argument("--rounds", type=int, help="default 7, quick 3")
    parser.add_argument("--ticks", type=int, help="ticks of the measured day; default 5,000,000, quick 500,000")
    parser.add_argument("--pairs", type=int, default=28, help="pairs of that day (default 28)")
    parser.add_argument("--kept", type=int, nargs="+", default=[5_000_000, 50_000_000, 100_000_000], metavar="TICKS",
                        help="ticks in the journal for `restarts` (default 5, 50 and 100 million; 100 million take 6.4 GB)")
    parser.add_argument("--rows", type=int, help="rows of the queried database; default 5,000,000, quick 200,000")
    parser.add_argument("--seconds", type=int, help="duration of the chain from the simulator (default 20, quick 5), and of each run of `close` (default 615)")
    parser.add_argument("--tick-files", type=pathlib.Path, default=programs.ROOT.parent / "shared/data/ticks", metavar="FOLDER",
                        help="real ticks for `grace` (default: shared/data/ticks beside the checkout)")
    parser.add_argument("--no-peers", action="store_true", help="skip third-party programs")
    parser.add_argument("--folder", type=pathlib.Path, default=programs.ROOT / ".bench",
                        help="folder of data and results (default .bench)")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.is_quick else 7)
    options.ticks = options.ticks or (500_000 if options.is_quick else 5_000_000)
    options.rows = options.rows or (200_000 if options.is_quick else 5_000_000)
    if min(options.rounds, options.ticks, options.pairs, options.rows, options.seconds or 1) < 1:
        parser.error("counts must be at least 1")
    return options


def data_folder(options):
    return options.folder.resolve() / f"data-{options.ticks}-{options.pairs}"


def make_data(options):
    """The day that is measured: made once for each size."""
    folder = data_folder(options)
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = programs.bench("make-data", folder, "--ticks", options.ticks, "--pairs", options.pairs)
        subprocess.run(command, check=True)
        (folder / "complete").touch()


def figure(kind, result):
    """What a round counts: operations a second, or the median of the latencies."""
    if kind == "rate":
        return result["count"] / result["seconds"]
    return table.percentile(result["nanoseconds"], 0.5)


def measured(measure, options):
    """Every subject's figure in every round."""
    rounds = min(options.rounds, measure.rounds_most or options.rounds)
    results = {name: [] for name in measure.subjects}
    left_out, failed = {}, {}
    for round_number in range(rounds):
        for name, subject in measure.subjects.items():
            if name in left_out or name in failed or skips(measure, name, round_number, options):
                results[name].append(None)
                continue
            note(f"{measure.name}: {name}, round {round_number + 1} of {rounds}")
            try:
                results[name].append(subject())
            except programs.LeftOut as reason:
                left_out[name] = str(reason)
                results[name].append(None)
            except (programs.Failed, processes.ProgramError) as reason:
                failed[name] = str(reason)
                results[name].append(None)
    note("")
    return results, left_out, failed


def skips(measure, name, round_number, options):
    """Peers are slow, and far away: two rounds are enough."""
    is_peer = measure.kind != "report" and not name.startswith((OURS, LIMIT))
    return is_peer and (options.no_peers or options.is_quick or round_number >= 2)


def note(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def agree(results):
    """The programs that tell what they came to must have come to the same."""
    found = {(result.get("candles"), result["checksum"]) for rows in results.values() for result in rows
             if result and "checksum" in result}
    return len(found) <= 1


def summary(measure, results):
    """Figures of each subject, with ratios to C and of ours to it: above 1 is faster, for rates and latencies alike."""
    figures = {name: [figure(measure.kind, each) if each else None for each in rows] for name, rows in results.items()}
    speeds = {name: [value and (value if measure.kind == "rate" else 1 / value) for value in values]
              for name, values in figures.items()}
    reference = next((name for name in figures if name.startswith(LIMIT)), None)
    rows = {}
    for name, values in figures.items():
        present = [value for value in values if value is not None]
        if not present:
            continue
        row = table.spread(present)
        if measure.kind == "latency":
            samples = [one for each in results[name] if each for one in each["nanoseconds"]]
            row["p99"] = table.percentile(samples, 0.99)
            row["samples"] = len(samples)
        if reference not in (None, name):
            row["to C"] = table.ratios(speeds[name], speeds[reference])
        if name != OURS:
            row["ours to it"] = table.ratios(speeds[OURS], speeds[name])
        rows[name] = row
        told = [each for each in results[name] if each]
        if "lost" in told[0]:
            row["lost"] = sum(each["lost"] for each in told)
    return rows


def lines(measure, rows):
    text = table.rate if measure.kind == "rate" else table.duration
    yield [f"{measure.name}: {measure.title}", "median", "least", "most", "p99", "of C", "ours is"]
    for name, row in rows.items():
        to_c, ours = row.get("to C"), row.get("ours to it")
        yield [
            f"  {name}", text(row["median"]), text(row["least"]), text(row["most"]),
            text(row["p99"]) if "p99" in row else "", f"{to_c['median']:.2f}" if to_c else "",
            f"{ours['median']:.3g} times" if ours else ""]


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    return {"processor": model, "cores": os.cpu_count(), "system": platform.platform(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def show(measure, results, left_out, failed):
    """Prints a measurement's table; the number of things that are wrong with it."""
    if measure.kind == "report":
        print(f"{measure.name}: {measure.title}")
        rows, wrong = measure.show({name: each[-1] for name, each in results.items() if each and each[-1]})
    else:
        rows, wrong = summary(measure, results), []
        table.render(list(lines(measure, rows)))
    wrong += [f"{name} FAILED: {reason}" for name, reason in failed.items()]
    if not agree(results):
        wrong.append("the programs DISAGREE about what they made")
    for name, row in rows.items():
        if row.get("lost"):
            wrong.append(f"{name}: {row['lost']} ticks LOST")
        elif "lost" in row:
            print(f"  {name}: no tick lost")
    for name, reason in left_out.items():
        print(f"  {name} left out: {reason}")
    for sentence in wrong:
        print(f"  {sentence}")
    print(f"  target: {measure.target}\n", flush=True)
    return rows, len(wrong)


def chosen(options):
    """The measurements that were asked for, in their order."""
    every = measures.all_measures(data_folder(options), options)
    known = [measure.name for measure in every]
    for name in options.only or []:
        if name not in known:
            sys.exit(f"scripts/bench: there is no measurement '{name}'; there are {', '.join(known)}")
    if options.only:
        return [measure for measure in every if measure.name in options.only]
    return [measure for measure in every if measure.is_quick or not options.is_quick]


def main():
    options = arguments()
    if options.list:
        for measure in measures.all_measures(data_folder(options), options):
            print(f"{measure.name:12}{measure.title}")
        return 0
    wanted = chosen(options)
    if any(measure.uses_day for measure in wanted):
        make_data(options)
    options.folder.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine(), "options": vars(options), "measures": {}}
    bad = 0
    for measure in wanted:
        rows, wrong = show(measure, *measured(measure, options))
        report["measures"][measure.name] = {"title": measure.title, "target": measure.target, "subjects": rows}
        bad += wrong
    path = options.folder / "results.json"
    path.write_text(json.dumps(report, indent=1, default=str) + "\n")
    print(f"all figures: {path}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
