"""Compares Arrow tables of different engines: same columns, same types and the same rows in any order."""

import math

import pyarrow as pa


def assert_same(actual: pa.Table, expected: pa.Table, key: str = 'id') -> None:
    """Demands equal columns in equal order, types that are equal to all engines, and equal rows."""
    actual_types = describe_columns(actual)
    expected_types = describe_columns(expected)
    assert actual_types == expected_types, f'columns differ:\n{actual_types}\n{expected_types}'
    assert_same_rows(rows_of(actual, key), rows_of(expected, key))


def assert_same_rows(actual: list, expected: list) -> None:
    for one, other in zip(actual, expected):
        assert one == other, f'rows differ:\n{one}\n{other}'
    assert len(actual) == len(expected), f'{len(actual)} rows instead of {len(expected)}'


def describe_columns(table: pa.Table) -> list[tuple[str, str]]:
    return [(field.name, describe_type(field.type)) for field in table.schema]


def describe_type(type_: pa.DataType) -> str:
    """A type without what engines choose freely: layouts of texts and lists, and maps or lists of entries."""
    if pa.types.is_dictionary(type_):
        return describe_type(type_.value_type)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return 'string'
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_):
        return 'binary'
    if pa.types.is_map(type_):
        return f'list<struct<key: {describe_type(type_.key_type)}, value: {describe_type(type_.item_type)}>>'
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_list_view(type_):
        return f'list<{describe_type(type_.value_type)}>'
    if pa.types.is_struct(type_):
        return f'struct<{", ".join(f"{field.name}: {describe_type(field.type)}" for field in type_)}>'
    if pa.types.is_timestamp(type_):
        return f'timestamp[{type_.unit}]{" in UTC" if type_.tz else ""}'
    return str(type_)


def rows_of(table: pa.Table, key: str = 'id') -> list[dict]:
    """Rows as dictionaries of comparable values, sorted by a column, then by all."""
    rows = [{name: plain(value) for name, value in row.items()} for row in table.to_pylist()]
    return sorted(rows, key=lambda row: (row.get(key) is None, row.get(key) or 0, repr(row)))


def plain(value):
    """A value such that NaN equals itself, the zeros differ, and a map is a list of entries."""
    if isinstance(value, float):
        return 'NaN' if math.isnan(value) else (value, math.copysign(1, value))
    if isinstance(value, tuple):
        return {'key': plain(value[0]), 'value': plain(value[1])}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value
