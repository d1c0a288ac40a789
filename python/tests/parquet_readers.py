"""Reads the pipeline's Parquet files by pyarrow, pandas, DuckDB and polars, as far as they are installed.

usage: parquet_readers.py PATH...

Reads each file, or each *.parquet below a folder, with all of them, and ends with 1 if values or statistics differ.
Needs pyarrow.
"""

import sys
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

try:
    import duckdb
except ImportError:
    duckdb = None
try:
    import pandas
except ImportError:
    pandas = None
try:
    import polars
except ImportError:
    polars = None


class Difference(Exception):
    """Something that is not as it was written."""


def names(path):
    return pyarrow.parquet.read_schema(path).names


def by_pyarrow(path):
    """A column's integers as an array, times in nanoseconds; its texts as a list."""
    table = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True).read()
    return {
        name: table[name].to_pylist()
        if pyarrow.types.is_string(table[name].type)
        else table[name].cast("int64").to_numpy()
        for name in table.column_names
    }


def by_pandas(path):
    frame = pandas.read_parquet(path, engine="pyarrow")
    return {
        name: frame[name].tolist()
        if pandas.api.types.is_string_dtype(frame[name])
        else frame[name].astype("int64").to_numpy()
        for name in names(path)
    }


def by_duckdb(path):
    with duckdb.connect() as connection:
        source = "read_parquet(?, hive_partitioning = false)"
        connection.execute(f"DESCRIBE SELECT * FROM {source}", [str(path)])
        types = {row[0]: row[1] for row in connection.fetchall()}
        parts = [f'epoch_ns("{name}")' if kind.startswith("TIMESTAMP") else f'"{name}"' for name, kind in types.items()]
        connection.execute(f"SELECT {', '.join(parts)} FROM {source}", [str(path)])
        columns = connection.fetchnumpy().values()
    return {
        name: column.tolist() if types[name] == "VARCHAR" else numpy.asarray(column, dtype="int64")
        for name, column in zip(types, columns)
    }


def by_polars(path):
    frame = polars.read_parquet(path, hive_partitioning=False)
    return {
        name: frame[name].to_list() if frame[name].dtype == polars.String else frame[name].cast(polars.Int64).to_numpy()
        for name in frame.columns
    }


READERS = {
    "pyarrow": by_pyarrow,
    "pandas": pandas and by_pandas,
    "DuckDB": duckdb and by_duckdb,
    "polars": polars and by_polars,
}


def whole_microseconds(times):
    """What DuckDB before version 2 makes of times."""
    return times - numpy.fmod(times, 1_000)


def is_time(path, name):
    return pyarrow.types.is_timestamp(pyarrow.parquet.read_schema(path).field(name).type)


def check_values(path, reader, want):
    got = READERS[reader](path)
    if set(got) != set(want):
        raise Difference(f"{path}: {reader} reads the columns {sorted(got)}, not {sorted(want)}")
    for name, column in want.items():
        if isinstance(column, list):
            equal = got[name] == column
        elif reader == "DuckDB" and is_time(path, name) and duckdb.__version__.startswith("1."):
            equal = numpy.array_equal(whole_microseconds(column), got[name])
        else:
            equal = numpy.array_equal(column, got[name])
        if not equal:
            raise Difference(f"{path}: {reader} reads other values of {name}")


def check_statistics(path, want):
    """Each row group has the least and the greatest value of each column, and says that none is missing."""
    metadata = pyarrow.parquet.read_metadata(path)
    first = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(metadata.num_columns):
            chunk = group.column(index)
            values = want[chunk.path_in_schema][first : first + group.num_rows]
            statistics = chunk.statistics
            if not (statistics and statistics.has_min_max and statistics.null_count == 0):
                raise Difference(f"{path}: row group {number} lacks the statistics of {chunk.path_in_schema}")
            if isinstance(values, list):
                least, greatest = (limit(values, key=str.encode) for limit in (min, max))
                said = (statistics.min, statistics.max)
            else:
                least, greatest = int(values.min()), int(values.max())
                said = (statistics.min_raw, statistics.max_raw)
            if said != (least, greatest):
                limits = (least, greatest)
                raise Difference(f"{path}: the statistics of {chunk.path_in_schema} are {said}, not {limits}")
        first += group.num_rows


def check_selection(path, want):
    """Readers that leave row groups out by their statistics find as many rows as there are."""
    name = next(name for name, column in want.items() if not isinstance(column, list) and not is_time(path, name))
    for limit in {int(want[name][index]) for index in (0, len(want[name]) // 2, -1)}:
        expected = int((want[name] <= limit).sum())
        found = {"pyarrow": len(pyarrow.parquet.read_table(path, columns=[name], filters=[(name, "<=", limit)]))}
        if duckdb:
            with duckdb.connect() as connection:
                query = f'SELECT count(*) FROM read_parquet(?, hive_partitioning = false) WHERE "{name}" <= {limit}'
                found["DuckDB"] = connection.execute(query, [str(path)]).fetchone()[0]
        if polars:
            rows = polars.scan_parquet(path, hive_partitioning=False).filter(polars.col(name) <= limit)
            found["polars"] = rows.collect().height
        for reader, count in found.items():
            if count != expected:
                raise Difference(f"{path}: {reader} finds {count} rows with {name} <= {limit}, not {expected}")


def check(path, want=None):
    """Raises `Difference`. Returns the number of rows; without `want` pyarrow says what the others must read."""
    want = by_pyarrow(path) if want is None else want
    for reader in READERS:
        if READERS[reader]:
            check_values(path, reader, want)
    rows = len(next(iter(want.values())))
    if rows:
        check_statistics(path, want)
        check_selection(path, want)
    return rows


def files(path):
    return sorted(Path(path).rglob("*.parquet")) if Path(path).is_dir() else [Path(path)]


def main():
    paths = [file for path in sys.argv[1:] for file in files(path)]
    try:
        rows = sum(map(check, paths))
    except Difference as difference:
        return str(difference)
    readers = ", ".join(reader for reader in READERS if READERS[reader])
    print(f"{len(paths)} files, {rows} rows: equal for {readers}")
    return 0 if paths else __doc__


if __name__ == "__main__":
    sys.exit(main())
