"""Runs the checks of one file: PASS or FAIL for each. See scripts/check-web."""

import argparse
import importlib
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

import world as worlds


def checks(module):
    """Its functions check_…, in the order of the file."""
    found = [value for name, value in vars(module).items() if name.startswith("check_") and callable(value)]
    return sorted(found, key=lambda check: check.__code__.co_firstlineno)


def title(check):
    return (check.__doc__ or check.__name__.replace("_", " ")).strip().splitlines()[0].rstrip(".")


def passes(check, world):
    try:
        check(world)
    except worlds.Skip as reason:
        print(f"SKIP {title(check)} ({reason})", flush=True)
        return True
    except Exception as error:
        print(f"FAIL {title(check)}", flush=True)
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(f"    {type(error).__name__}: {str(error)[:2000]} ({Path(where.filename).name}:{where.lineno})", flush=True)
        return False
    print(f"PASS {title(check)}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--keep", action="store_true", help="keep the folder, also if all pass")
    options = parser.parse_args()
    module = importlib.import_module(options.name)
    # Socket paths are short.
    folder = Path(tempfile.mkdtemp(prefix="cw-web-", dir="/tmp"))
    with worlds.World(folder, options.bin, **getattr(module, "SETTINGS", {})) as world:
        results = [passes(check, world) for check in checks(module)]
    if all(results) and not options.keep:
        shutil.rmtree(folder)
    else:
        print(f"its folder: {folder}")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
