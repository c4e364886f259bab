"""Pixlake reads a table after each operation that delta-rs has."""

import time

import pyarrow as pa
from compare import assert_same
from deltalake import CommitProperties, DeltaTable, Field, Transaction, write_deltalake
from questions import assert_same_answers
from support import FOLDER, Lake, check, finish, read_delta_rs

PATH = str(FOLDER / 'operated')
SCHEMA = pa.schema(
    [('id', pa.int64()), ('part', pa.string()), ('title', pa.string()), ('price', pa.float64())]
)
lake = Lake('operations')


def rows(*ids: int, title: str = 'new') -> pa.Table:
    data = [
        {'id': n, 'part': ['a b', 'c/d', None][n % 3], 'title': f'{title} {n}', 'price': n / 4} for n in ids
    ]
    return pa.Table.from_pylist(data, schema=SCHEMA)


def append(*ids: int, **options) -> None:
    write_deltalake(PATH, rows(*ids), mode='append', schema_mode='merge', **options)


def assert_agree(name: str = 'operated', path: str = PATH) -> pa.Table:
    answer = lake.answer(f'SELECT * FROM {name}')
    assert_same(answer, read_delta_rs(path))
    return answer


def ids_of(table: pa.Table) -> list[int]:
    return sorted(table.column('id').to_pylist())


with check('operations: create and append'):
    write_deltalake(PATH, rows(*range(1, 31)), partition_by=['part'])
    lake.call('attach', 'operated', PATH)
    append(*range(31, 41))
    assert ids_of(assert_agree()) == list(range(1, 41))

with check('operations: append with an application transaction'):
    properties = CommitProperties(
        app_transactions=[Transaction('loader', 7)], custom_metadata={'who': 'loader'}
    )
    append(41, 42, commit_properties=properties)
    assert DeltaTable(PATH).transaction_version('loader') == 7
    assert ids_of(assert_agree()) == list(range(1, 43))

with check('operations: delete rows and delete a partition'):
    DeltaTable(PATH).delete('id IN (5, 6)')
    assert_agree()
    DeltaTable(PATH).delete("part = 'c/d'")
    assert all(n % 3 != 1 for n in ids_of(assert_agree()))

with check('operations: update'):
    DeltaTable(PATH).update(updates={'title': "'set'", 'price': 'price * 2'}, predicate='id < 15')
    assert 'set' in assert_agree().column('title').to_pylist()

with check('operations: merge'):
    merge = DeltaTable(PATH).merge(rows(1, 2, 3, 100, 101, title='merged'), 't.id = s.id', 's', 't')
    merge.when_matched_update_all().when_not_matched_insert_all().execute()
    assert {100, 101} <= set(ids_of(assert_agree()))
    merge = DeltaTable(PATH).merge(rows(2, 3), 't.id = s.id', 's', 't')
    merge.when_matched_delete().execute()
    assert not {2, 3} & set(ids_of(assert_agree()))

with check('operations: schema evolution by append'):
    wider = rows(200, 201).append_column('colour', pa.array(['rot', None]))
    wider = wider.append_column('sizes', pa.array([[1, 2], None], pa.list_(pa.int32())))
    write_deltalake(PATH, wider, mode='append', schema_mode='merge')
    append(202)
    table = assert_agree()
    assert table.column('colour').null_count == table.num_rows - 1
    assert_same_answers(lake, 'operated', table, ['id', 'part', 'title', 'price', 'colour'])

with check('operations: column added by alter'):
    DeltaTable(PATH).alter.add_columns([Field('weight', 'double')])
    assert assert_agree().column('weight').null_count == assert_agree().num_rows

with check('operations: compact'):
    before = assert_agree()
    metrics = DeltaTable(PATH).optimize.compact()
    assert metrics['numFilesRemoved'] > 0
    assert_same(assert_agree(), before)

with check('operations: z-order'):
    append(*range(300, 310))
    before = assert_agree()
    DeltaTable(PATH).optimize.z_order(['price', 'id'])
    assert_same(assert_agree(), before)

with check('operations: log compaction'):
    version = DeltaTable(PATH).version()
    DeltaTable(PATH).compact_logs(1, version)
    assert_agree()

with check('operations: checkpoint'):
    checkpointed = DeltaTable(PATH).version()
    DeltaTable(PATH).create_checkpoint()
    assert_agree()
    append(400, 401)
    assert_agree()

with check('operations: every version that is left, by number and by time'):
    for version in range(DeltaTable(PATH).version() + 1):
        answer = lake.answer('SELECT * FROM operated', '--at', str(version))
        assert_same(answer, read_delta_rs(PATH, version))
        assert_same(lake.answer(f'SELECT * FROM operated@v{version}'), answer)

with check('operations: restore'):
    DeltaTable(PATH).restore(1)
    assert set(range(1, 41)) == set(ids_of(assert_agree()))

with check('operations: checkpoint without the old entries'):
    DeltaTable(PATH).alter.set_table_properties({'delta.logRetentionDuration': 'interval 0 days'})
    time.sleep(0.05)
    DeltaTable(PATH).create_checkpoint()
    DeltaTable(PATH).cleanup_metadata()
    entries = [path for path in (FOLDER / 'operated' / '_delta_log').glob('*.json') if path.stem.isdigit()]
    assert len(entries) <= 2, entries
    assert_agree()
    answer = lake.call('query', 'SELECT * FROM operated', '--at', '1', code=3)
    assert 'SNAPSHOT_NOT_FOUND' in answer.stderr, answer.stderr

with check('operations: vacuum'):
    DeltaTable(PATH).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert_agree()

with check('operations: overwrite of some rows, then of all with another schema'):
    write_deltalake(PATH, rows(9, title='over'), mode='overwrite', predicate='id = 9', schema_mode='merge')
    assert 'over 9' in assert_agree().column('title').to_pylist()
    other = pa.table({'id': [1, 2], 'other': [True, None]})
    write_deltalake(PATH, other, mode='overwrite', schema_mode='overwrite', partition_by=['other'])
    assert_same(assert_agree(), other)

with check('operations: a thousand small files behind a checkpoint'):
    path = str(FOLDER / 'many')
    many = pa.table({'id': range(1000), 'part': [f'p {n}' for n in range(1000)], 'n': range(1000)})
    write_deltalake(path, many, partition_by=['part'])
    DeltaTable(path).create_checkpoint()
    lake.call('attach', 'many', path)
    assert_same(assert_agree('many', path), many)
    assert lake.answer("SELECT n FROM many WHERE part = 'p 77'").to_pylist() == [{'n': 77}]

finish()
