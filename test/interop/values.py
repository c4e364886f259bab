"""Values of every Delta type from end to end, as columns of three."""

from datetime import date, datetime, timezone
from decimal import Decimal
from math import inf, nan

import pyarrow as pa

UTC = timezone.utc
LIST = pa.list_(pa.int32())
MAP = pa.map_(pa.string(), pa.float64())
NESTED = pa.struct([('a', pa.int32()), ('b', pa.struct([('c', pa.list_(pa.string()))]))])
# Arithmetic would round them.
GREAT = Decimal(f'{"9" * 28}.{"9" * 10}')
GREAT_BELOW = Decimal(f'{"9" * 28}.{"9" * 9}8')
SMALL = Decimal(f'-{"9" * 28}.{"9" * 10}')

PLAIN_VALUES = {
    'byte': (pa.int8(), [-128, 127, 0]),
    'short': (pa.int16(), [-(2**15), 2**15 - 1, 0]),
    'integer': (pa.int32(), [-(2**31), 2**31 - 1, 0]),
    'long': (pa.int64(), [-(2**63), 2**63 - 1, 2**53 + 1]),
    'float': (pa.float32(), [nan, inf, 0.1]),
    'double': (pa.float64(), [nan, -inf, 0.1]),
    'finite': (pa.float64(), [-0.0, 5e-324, 1.7976931348623157e308]),
    'small_decimal': (pa.decimal128(10, 2), [Decimal('-99999999.99'), Decimal('1.25'), Decimal('0.10')]),
    'decimal': (pa.decimal128(38, 10), [SMALL, GREAT, Decimal('0.1')]),
    'wide_decimal': (pa.decimal128(38, 0), [Decimal('9' * 38), Decimal('9' * 37 + '8'), Decimal(2**64)]),
    'date': (pa.date32(), [date(1, 1, 1), date(9999, 12, 31), date(2024, 2, 29)]),
    'timestamp': (
        pa.timestamp('us', 'UTC'),
        [
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
            datetime(2024, 2, 29, 12, 0, 0, 1, UTC),
        ],
    ),
    'timestamp_ntz': (
        pa.timestamp('us'),
        [datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2024, 3, 31, 2, 30), datetime(9999, 12, 31)],
    ),
    'binary': (pa.binary(), [b'', b'\x00\xff', b'\xf0\x9f\x91\x9f']),
    'boolean': (pa.bool_(), [True, False, True]),
    'string': (pa.string(), ['', '👟' * 100, '\U0010ffff' * 100]),
    'long_string': (pa.string(), ['x' * 500, 'x' * 500 + 'y', 'ü' * 300]),
}
NESTED_VALUES = {
    'list': (LIST, [[1, None], [], [3]]),
    'lists': (pa.list_(LIST), [[[1], None, []], [], None]),
    'struct': (NESTED, [{'a': 1, 'b': {'c': ['x', None]}}, {'a': None, 'b': None}, {'a': 2, 'b': {'c': []}}]),
    'structs': (pa.list_(NESTED), [[{'a': 1, 'b': None}, None], [], None]),
    'map': (MAP, [[('k', 1.5), ('l', None)], [], [('', nan)]]),
    'maps': (pa.map_(pa.string(), MAP), [[('k', [('l', 1.0)]), ('m', None)], [], None]),
}
# Delta-rs cannot write all of them as names of folders.
PARTITION_VALUES = {
    **{
        name: values
        for name, values in PLAIN_VALUES.items()
        if name not in ('float', 'double', 'string', 'long_string')
    },
    'finite': (pa.float64(), [-2.5, 0.1, 1e15]),
    'small_decimal': (pa.decimal128(10, 2), [Decimal('99999999.99'), Decimal('1.25'), Decimal('0.10')]),
    'decimal': (pa.decimal128(38, 10), [GREAT, GREAT_BELOW, Decimal('0.1')]),
}
del PARTITION_VALUES['binary']


def make_table(columns: dict, first_id: int = 1) -> pa.Table:
    """Three rows of the given values and a fourth of nulls only."""
    ids = pa.array(range(first_id, first_id + 4), pa.int64())
    return pa.table(
        {'id': ids, **{name: pa.array([*values, None], type_) for name, (type_, values) in columns.items()}}
    )
