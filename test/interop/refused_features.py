"""Pixlake refuses tables whose features it lacks, by name, but not if these only bind writers."""

import json
import shutil

import pyarrow as pa
from catalogue import make_row, write_catalogue
from compare import assert_same
from deltalake import DeltaTable, TableFeatures, write_deltalake
from support import FOLDER, Lake, check, finish, read_delta_rs

ROWS = pa.table({'id': [1, 2, 3], 'title': ['x', 'y', None]})
READER_FEATURES = {
    'v2Checkpoint': TableFeatures.V2Checkpoint,
    'columnMapping': TableFeatures.ColumnMapping,
    'variantType': TableFeatures.VariantType,
}
WRITER_FEATURES = {
    'appendOnly': TableFeatures.AppendOnly,
    'changeDataFeed': TableFeatures.ChangeDataFeed,
    'checkConstraints': TableFeatures.CheckConstraints,
    'deletionVectors': TableFeatures.DeletionVectors,
    'domainMetadata': TableFeatures.DomainMetadata,
    'generatedColumns': TableFeatures.GeneratedColumns,
    'identityColumns': TableFeatures.IdentityColumns,
    'invariants': TableFeatures.Invariants,
    'rowTracking': TableFeatures.RowTracking,
}
lake = Lake('refused')


def make_table(name: str, **options) -> str:
    path = str(FOLDER / f'refused-{name}')
    write_deltalake(path, ROWS, **options)
    return path


def write_entry(path: str, version: int, *actions: dict) -> None:
    lines = ''.join(json.dumps(action) + '\n' for action in actions)
    with open(f'{path}/_delta_log/{version:020}.json', 'x', encoding='utf-8') as file:
        file.write(lines)


def protocol(*features: str, reader: int = 3, writer: int = 7) -> dict:
    return {
        'protocol': {
            'minReaderVersion': reader,
            'minWriterVersion': writer,
            'readerFeatures': list(features),
            'writerFeatures': list(features),
        }
    }


def assert_refused(done, *words: str) -> None:
    for word in ('TABLE_FEATURE_UNSUPPORTED', *words):
        assert word in done.stderr, f'{word} is not named: {done.stderr}'


def read_entry(path: str, version: int) -> list[dict]:
    with open(f'{path}/_delta_log/{version:020}.json', encoding='utf-8') as file:
        return [json.loads(line) for line in file]


for name, feature in READER_FEATURES.items():
    with check(f'refused: {name}, before and after it is attached'):
        path = make_table(f'reader-{name}')
        lake.call('attach', f'late_{name}', path)
        assert_same(lake.answer(f'SELECT * FROM late_{name}'), ROWS)
        DeltaTable(path).alter.add_feature(feature, allow_protocol_versions_increase=True)
        assert_refused(lake.call('query', f'SELECT * FROM late_{name}', code=3), name)
        assert_refused(lake.call('attach', f'early_{name}', path, code=3), name)

with check('refused: column mapping by its property, in the old protocol'):
    path = make_table('mapped', configuration={'delta.columnMapping.mode': 'name'})
    assert_refused(lake.call('attach', 'mapped', path, code=3), 'columnMapping')

with check('refused: a deletion vector'):
    path = make_table('vectors')
    (add,) = [action['add'] for action in read_entry(path, 0) if 'add' in action]
    vector = {
        'storageType': 'i',
        'pathOrInlineDv': 'wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L',
        'sizeInBytes': 40,
        'cardinality': 1,
    }
    remove = {'path': add['path'], 'dataChange': True, 'deletionTimestamp': 0}
    with_vector = {'add': {**add, 'deletionVector': vector}}
    write_entry(path, 1, protocol('deletionVectors'), {'remove': remove}, with_vector)
    assert_refused(lake.call('attach', 'vectors', path, code=3), 'deletionVectors')

with check('refused: features and versions that nobody knows yet'):
    path = make_table('future')
    write_entry(path, 1, protocol('timestampNtz', 'someFutureFeature'))
    assert_refused(lake.call('attach', 'future', path, code=3), 'someFutureFeature')
    path = make_table('version')
    write_entry(path, 1, protocol(reader=4, writer=8))
    assert_refused(lake.call('attach', 'version', path, code=3), 'reader version 4')

with check('refused: partitions by binary'):
    path = str(FOLDER / 'refused-binary')
    write_deltalake(path, pa.table({'id': [1], 'value': [b'\x00\xff']}), partition_by=['value'])
    assert_refused(lake.call('attach', 'binary', path, code=3), 'binary')

with check('refused: widened types'):
    path = make_table('widened')
    write_entry(path, 1, protocol('typeWidening'))
    assert_refused(lake.call('attach', 'widened', path, code=3), 'typeWidening')

for name, feature in WRITER_FEATURES.items():
    with check(f'refused: nothing on reading with {name}, which no file uses'):
        path = make_table(f'writer-{name}')
        DeltaTable(path).alter.add_feature(feature, allow_protocol_versions_increase=True)
        lake.call('attach', f'writer_{name}', path)
        assert_same(lake.answer(f'SELECT * FROM writer_{name}'), ROWS)

with check('refused: nothing on reading a change data feed'):
    path = make_table('feed', configuration={'delta.enableChangeDataFeed': 'true'})
    DeltaTable(path).update(updates={'title': "'changed'"}, predicate='id = 1')
    DeltaTable(path).delete('id = 2')
    lake.call('attach', 'feed', path)
    assert lake.answer('SELECT * FROM feed').num_rows == 2
    assert_same(lake.answer('SELECT * FROM feed'), read_delta_rs(path))

SOURCE = write_catalogue(FOLDER / 'refused-source', [make_row(n, 'x') for n in range(1, 5)])
MORE = write_catalogue(FOLDER / 'refused-more', [make_row(n, 'x') for n in range(5, 9)])


def own_table(name: str, **properties: str) -> str:
    """A table of pixlake's own that delta-rs gave some properties."""
    lake.call('ingest', SOURCE, '--schema', 'infer', '--table', name)
    path = lake.table(name)
    if properties:
        DeltaTable(path).alter.set_table_properties(properties)
    return path


with check('refused: writing to tables with features that bind writers'):
    for name in ('changeDataFeed', 'checkConstraints', 'rowTracking', 'identityColumns'):
        path = own_table(f'own_{name}')
        feature = WRITER_FEATURES[name]
        DeltaTable(path).alter.add_feature(feature, allow_protocol_versions_increase=True)
        before = read_delta_rs(path)
        done = lake.call('ingest', MORE, '--schema', 'infer', '--table', f'own_{name}', code=3)
        assert_refused(done, name)
        assert_same(lake.answer(f'SELECT * FROM own_{name}'), before)
        assert_same(read_delta_rs(path), before)

with check('refused: changing rows of an append-only table, but not adding some'):
    path = own_table('own_log', **{'delta.appendOnly': 'true'})
    lake.call('ingest', MORE, '--schema', 'infer', '--table', 'own_log')
    assert lake.answer('SELECT * FROM own_log').num_rows == 8
    changed = write_catalogue(FOLDER / 'refused-changed', [make_row(n, 'y') for n in range(1, 3)])
    done = lake.call('ingest', changed, '--schema', 'infer', '--table', 'own_log', code=4)
    assert 'TABLE_APPEND_ONLY' in done.stderr
    lake.call('delete', 'own_log', '--where', 'id = 1', code=4)
    assert_same(read_delta_rs(path), lake.answer('SELECT * FROM own_log'))

with check('refused: a checkpoint with sidecars'):
    path = make_table('sidecars')
    DeltaTable(path).create_checkpoint()
    log = FOLDER / 'refused-sidecars' / '_delta_log'
    shutil.move(
        log / f'{0:020}.checkpoint.parquet',
        log / f'{0:020}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet',
    )
    (log / f'{0:020}.json').unlink()
    write_entry(path, 1, protocol('v2Checkpoint'))
    assert_refused(lake.call('attach', 'sidecars', path, code=3), 'v2Checkpoint')

finish()
