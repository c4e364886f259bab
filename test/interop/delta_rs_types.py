"""Pixlake reads every type and every kind of partition that delta-rs writes."""

from datetime import datetime
from math import nan

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from catalogue import AWKWARD_TEXTS
from compare import assert_same
from deltalake import DeltaTable, Schema, convert_to_deltalake, write_deltalake
from questions import assert_same_answers
from support import FOLDER, Lake, check, finish, read_delta_rs
from values import NESTED_VALUES, PARTITION_VALUES, PLAIN_VALUES, make_table

# Delta-rs cuts the bounds of wide decimals to those of 64-bit integers, or rounds them away from the values.
WIDE_DECIMALS = ['decimal', 'wide_decimal']
ASKED = [name for name in PLAIN_VALUES if name not in ('binary', *WIDE_DECIMALS)]
lake = Lake('types')


def attach(name: str) -> str:
    path = str(FOLDER / f'types-{name}')
    lake.call('attach', name, path)
    return path


def write(name: str, table: pa.Table, **options) -> str:
    write_deltalake(str(FOLDER / f'types-{name}'), table, **options)
    return attach(name)


def assert_read(name: str, path: str, table: pa.Table) -> None:
    answer = lake.answer(f'SELECT * FROM {name}')
    assert_same(answer, read_delta_rs(path))
    assert_same(answer.select(table.column_names), table)


with check('types: plain ones from end to end, with nulls'):
    table = make_table(PLAIN_VALUES)
    assert_read('plain', write('plain', table), table)

with check('types: nested ones with nulls everywhere'):
    table = make_table(NESTED_VALUES)
    assert_read('nested', write('nested', table), table)

with check('types: the same conditions find the same rows in four files'):
    table = make_table(PLAIN_VALUES)
    for start in range(4):
        write_deltalake(str(FOLDER / 'types-spread'), table.slice(start, 1), mode='append')
    attach('spread')
    assert assert_same_answers(lake, 'spread', table, ASKED) > 2

with check('types: the same conditions find the same rows by wide decimals'):
    assert_same_answers(lake, 'spread', table, WIDE_DECIMALS)

for name, values in PARTITION_VALUES.items():
    with check(f'types: partitions by {name}'):
        table = make_table({'value': values})
        path = write(f'by_{name}', table, partition_by=['value'])
        assert_read(f'by_{name}', path, table)
        assert assert_same_answers(lake, f'by_{name}', table, ['value']) > 1

with check('types: partitions by awkward texts'):
    texts = [*AWKWARD_TEXTS, None, 'NULL', ' padded ', 'x' * 60]
    table = pa.table({'id': pa.array(range(len(texts)), pa.int64()), 'value': texts})
    assert_read('awkward', write('awkward', table, partition_by=['value']), table)
    assert assert_same_answers(lake, 'awkward', table, ['value']) > 20

with check('types: partitions by three columns of awkward names'):
    table = pa.table(
        {'id': [1, 2, 3], 'a b': ['x', None, 'y/z'], 'Ä': [True, False, None], 'q"q': [1, None, 3]}
    )
    assert_read('names', write('names', table, partition_by=['a b', 'Ä', 'q"q']), table)
    assert_same_answers(lake, 'names', table, ['a b', 'Ä', 'q"q'])

with check('types: a table without rows'):
    schema = make_table(PLAIN_VALUES | NESTED_VALUES).schema
    DeltaTable.create(str(FOLDER / 'types-void'), Schema.from_arrow(schema), partition_by=['date'])
    assert_read('void', attach('void'), schema.empty_table())

with check('types: other storage of the same types, by pyarrow'):
    table = make_table(
        {name: PLAIN_VALUES[name] for name in ('integer', 'timestamp', 'string', 'small_decimal')}
    )
    # The old form of timestamps counts nanoseconds, which do not reach far.
    times = pa.array([datetime(1970, 1, 1), datetime(2024, 2, 29, 12), None, None], pa.timestamp('us', 'UTC'))
    table = table.set_column(2, 'timestamp', times)
    folder = FOLDER / 'types-stored'
    folder.mkdir()
    storages = {
        'int96': {'use_deprecated_int96_timestamps': True, 'compression': 'gzip'},
        'plain': {'use_dictionary': False, 'compression': 'none'},
        'second': {'data_page_version': '2.0', 'compression': 'brotli', 'version': '2.6'},
        'lz4': {'compression': 'lz4', 'store_decimal_as_integer': True, 'write_statistics': False},
    }
    for name, options in storages.items():
        pq.write_table(table, folder / f'{name}.parquet', **options)
    convert_to_deltalake(str(folder))
    attach('stored')
    assert_same(lake.answer('SELECT * FROM stored'), pa.concat_tables([table] * 4))

with check('types: a folder of Parquet files, partitioned by pyarrow'):
    texts = ['Personal Care', 'left/right', 'Müller', None]
    table = pa.table({'id': [1, 2, 3, 4], 'price': [1.5, None, nan, 4.0], 'maker': texts})
    folder = FOLDER / 'types-hive'
    parts = ds.partitioning(pa.schema([('maker', pa.string())]), flavor='hive')
    ds.write_dataset(table, folder, format='parquet', partitioning=parts)
    attach('hive')
    assert_same(lake.answer('SELECT * FROM hive'), table)

finish()
