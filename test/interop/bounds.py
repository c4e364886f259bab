"""Whether statistics of data files are true, and engines that skip files by them find every row."""

from decimal import Decimal
from math import copysign, isnan
from urllib.parse import unquote

import polars
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder
from questions import literal_of


def data_files(path: str) -> list[tuple[dict, pa.Table]]:
    """Add actions of a table with their flattened statistics, each with the rows of its file."""
    actions = pa.table(DeltaTable(path).get_add_actions(flatten=True)).to_pylist()
    return [(action, pq.ParquetFile(f'{path}/{unquote(action["path"])}').read()) for action in actions]


# delta-rs tells statistics of the first 32 columns (delta.dataSkippingNumIndexedCols), of which one may be a partition.
SHOWN_COLUMNS = 31


def assert_bounds(action: dict, rows: pa.Table) -> int:
    """Demands that the statistics of one file are true, and gives the number of its bounds."""
    assert action['num_records'] == rows.num_rows
    bounds = 0
    for index, name in enumerate(rows.column_names):
        column = rows.column(name)
        is_told = index < SHOWN_COLUMNS or f'null_count.{name}' in action
        if pa.types.is_nested(column.type) or not is_told:
            continue
        assert action[f'null_count.{name}'] == column.null_count, f'{name}: {action}'
        values = [ordered(value) for value in column.to_pylist() if value is not None]
        low, high = ordered(action.get(f'min.{name}')), ordered(action.get(f'max.{name}'))
        bounds += (low is not None) + (high is not None)
        # Python orders texts by code point, as Delta does.
        assert low is None or all(low <= value for value in values), f'{name}: {low!r} is no lower bound'
        assert high is None or all(value <= high for value in values), f'{name}: {high!r} is no upper bound'
    return bounds


def ordered(value):
    """Numbers in their total order: zero comes after negative zero, and NaN after all."""
    if isinstance(value, float):
        return (isnan(value), 0.0 if isnan(value) else value, copysign(1, value))
    return value


def assert_found(path: str, expected: pa.Table, names: list[str]) -> None:
    """Asks for every value of some columns; engines may skip files, but no row may be missing."""
    rows = expected.to_pylist()
    # Not by `to_pyarrow_table(filters=…)`, which takes a missing bound for null and finds nothing.
    delta_rs, scan = QueryBuilder().register('t', DeltaTable(path)), polars.scan_delta(path)
    for name in names:
        for value in {row[name] for row in rows if row[name] is not None}:
            ids = sorted(row['id'] for row in rows if row[name] == value)
            condition = f'"{name}" = {datafusion_literal(value)}'
            found = (
                pa.table(delta_rs.execute(f'SELECT id FROM t WHERE {condition}').read_all())
                .column('id')
                .to_pylist()
            )
            assert sorted(found) == ids, f'delta-rs finds {found} by {condition}, not {ids}'
            found = scan.filter(polars.col(name) == value).collect()['id'].to_list()
            assert sorted(found) == ids, f'Polars finds {found} by {condition}, not {ids}'


def datafusion_literal(value) -> str:
    if isinstance(value, Decimal):
        # A bare number would be a float to delta-rs, which finds nothing even in its own tables.
        return f"CAST('{value}' AS DECIMAL(38, {-value.as_tuple().exponent}))"
    return repr(value) if isinstance(value, float) else literal_of(value)
