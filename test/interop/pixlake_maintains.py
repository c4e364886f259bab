"""Delta-rs and Polars read what pixlake leaves by checkpoint, delete, optimize, restore and vacuum."""

import shutil
import time
from datetime import datetime, timezone
from pathlib import Path

import pyarrow.parquet as pq
from catalogue import make_row, write_catalogue
from compare import assert_same
from deltalake import CommitProperties, DeltaTable, TableFeatures, Transaction, write_deltalake
from support import FOLDER, Lake, assert_all_agree, assert_engines_agree, check, finish

MAKERS = ['left/right', '100%', 'Müller & Söhne', None]
lake = Lake('maintained')
shared = Lake('shared')


def ingest(first: int, count: int, into: Lake = lake, **changes) -> None:
    rows = [make_row(n, MAKERS[n % len(MAKERS)], **changes) for n in range(first, first + count)]
    source = write_catalogue(FOLDER / f'maintained-{time.monotonic_ns()}', rows)
    into.call('ingest', source, '--schema', 'infer', '--partition-by', 'maker')


def newest_version(of: Lake = lake) -> int:
    return DeltaTable(of.table()).version()


def vars_of(metadata) -> tuple:
    return (
        metadata.id,
        metadata.name,
        metadata.description,
        metadata.partition_columns,
        metadata.configuration,
    )


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace('Z', '+00:00'))


def copy_without_old_entries(name: str, of: Lake = lake) -> tuple[str, int]:
    """A copy of the table without the log entries up to its newest checkpoint, and the version of that."""
    copy = FOLDER / name
    shutil.copytree(of.table(), copy)
    log = copy / '_delta_log'
    checkpoint = max(int(path.name.split('.')[0]) for path in log.glob('*.checkpoint.parquet'))
    for path in log.glob('*.json'):
        if path.stem.isdigit() and int(path.stem) <= checkpoint:
            path.unlink()
    return str(copy), checkpoint


with check('maintenance: twelve commits of new and changed rows'):
    for step in range(10):
        ingest(step * 10 + 1, 12)
    ingest(1, 8, title='changed')
    ingest(200, 4, colour='blau')
    assert newest_version() == 11
    assert_all_agree(lake)

with check('maintenance: checkpoint after the tenth commit'):
    log = Path(lake.table()) / '_delta_log'
    assert [path.name for path in log.glob('*.checkpoint.parquet')] == [f'{10:020}.checkpoint.parquet']
    copy, checkpoint = copy_without_old_entries('checkpointed')
    assert checkpoint == 10
    assert_engines_agree(copy, lake.answer())
    lake.call('attach', 'checkpointed', copy)
    assert_same(lake.answer('SELECT * FROM checkpointed'), lake.answer())
    assert_engines_agree(copy, lake.answer('SELECT * FROM images', '--at', '10'), version=10)

with check('maintenance: delta-rs goes on from a checkpoint of pixlake'):
    table = DeltaTable(copy)
    table.delete('id <= 20')
    table.create_checkpoint()
    table.cleanup_metadata()
    assert_engines_agree(copy, lake.answer('SELECT * FROM checkpointed'))
    assert lake.answer('SELECT id FROM checkpointed WHERE id <= 20').num_rows == 0

with check('maintenance: a checkpoint keeps what delta-rs put into the log'):
    ingest(1, 8, shared)
    table = DeltaTable(shared.table())
    loaded = CommitProperties(app_transactions=[Transaction('loader', 7)])
    write_deltalake(table, table.to_pyarrow_table().slice(0, 1), mode='append', commit_properties=loaded)
    table.delete('id = 3')
    table.alter.set_table_name('Schuhe 👟')
    table.alter.set_table_description('of "all" kinds')
    table.alter.set_table_properties(
        {'custom.note': 'ü', 'delta.deletedFileRetentionDuration': 'interval 30 days'}, False
    )
    table.alter.add_feature(TableFeatures.TimestampWithoutTimezone, allow_protocol_versions_increase=True)
    while newest_version(shared) < 10:
        ingest(100 + newest_version(shared), 1, shared)
    copy, _checkpoint = copy_without_old_entries('shared-copy', shared)
    whole, cut = DeltaTable(shared.table()), DeltaTable(copy)
    assert cut.transaction_version('loader') == 7
    assert vars_of(cut.metadata()) == vars_of(whole.metadata())
    assert cut.protocol() == whole.protocol()
    assert 'timestampNtz' in cut.protocol().reader_features
    doomed = [sorted(one.vacuum(0, enforce_retention_duration=False)) for one in (whole, cut)]
    assert doomed[0] == doomed[1] and len(doomed[0]) >= 1, doomed
    assert_engines_agree(copy, shared.answer())

with check('maintenance: delete by condition'):
    before = lake.answer().num_rows
    doomed = lake.answer("SELECT id FROM images WHERE maker = '100%' AND id > 30").num_rows
    assert 0 < doomed < before
    lake.call('delete', 'images', '--where', "maker = '100%' AND id > 30")
    assert lake.answer().num_rows == before - doomed
    assert_all_agree(lake)

with check('maintenance: delete of a whole partition and of rows with nulls'):
    unknown = 'SELECT id FROM images WHERE maker IS NULL AND title IS NULL'
    assert lake.answer(unknown).num_rows > 0
    lake.call('delete', 'images', '--where', "maker = 'left/right' OR (maker IS NULL AND title IS NULL)")
    assert lake.answer("SELECT id FROM images WHERE maker = 'left/right'").num_rows == 0
    assert lake.answer(unknown).num_rows == 0
    assert_all_agree(lake)

with check('maintenance: optimize keeps the rows and lessens the files'):
    before, count = lake.answer(), len(DeltaTable(lake.table()).file_uris())
    lake.call('optimize', 'images')
    assert_same(lake.answer(), before)
    assert len(DeltaTable(lake.table()).file_uris()) < count
    assert_all_agree(lake)

with check('maintenance: optimize sorted by two columns'):
    ingest(300, 9)
    before, files = lake.answer(), set(DeltaTable(lake.table()).file_uris())
    lake.call('optimize', 'images', '--sort-by', 'price,id')
    assert_same(lake.answer(), before)
    sorted_files = set(DeltaTable(lake.table()).file_uris())
    assert not files & sorted_files, 'a file was not written anew'
    for path in sorted_files:
        rows = pq.read_table(path.removeprefix('file://'), columns=['price', 'id'])
        assert rows.equals(rows.sort_by([('price', 'ascending'), ('id', 'ascending')])), path
    assert_all_agree(lake)

with check('maintenance: restore'):
    lake.call('restore', 'images', '--to', '5')
    assert_same(lake.answer(), lake.answer('SELECT * FROM images', '--at', '5'))
    assert_all_agree(lake)

with check('maintenance: ingest after restore, past a second checkpoint'):
    while newest_version() < 21:
        ingest(400 + newest_version(), 2, colour='grün')
    copy, checkpoint = copy_without_old_entries('checkpointed-again')
    assert checkpoint == 20
    assert_engines_agree(copy, lake.answer())

with check('maintenance: time travel to every version'):
    for version in range(newest_version() + 1):
        assert_all_agree(lake, version=version)

with check('maintenance: time travel by time'):
    commits = [
        (commit['version'], parse_time(commit['timestamp'])) for commit in lake.json('history', 'images')
    ]
    for (_, next_time), (version, time_) in zip(commits, commits[1:]):
        # Pixlake goes by the time in the entry and delta-rs by that of its file, which is a little later.
        moment = (time_ + (next_time - time_) / 2).isoformat()
        table = DeltaTable(lake.table())
        table.load_as_version(moment)
        assert table.version() == version, (
            f'{moment} is version {table.version()} for delta-rs, not {version}'
        )
        assert_same(lake.answer('SELECT * FROM images', '--at', moment), table.to_pyarrow_table())

with check('maintenance: history names the same operations'):
    theirs = DeltaTable(lake.table()).history()
    ours = lake.json('history', 'images')
    assert [commit['version'] for commit in ours] == list(range(newest_version(), -1, -1))
    assert [entry['version'] for entry in theirs] == [commit['version'] for commit in ours]
    assert [entry['operation'] for entry in theirs] == [commit['operation'] for commit in ours]
    for entry, commit in zip(theirs, ours):
        stamp = datetime.fromtimestamp(entry['timestamp'] / 1000, timezone.utc)
        assert stamp == parse_time(commit['timestamp'])
        assert entry['engineInfo'] == commit['software'], entry
    operations = {entry['operation'] for entry in theirs}
    assert {'WRITE', 'MERGE', 'DELETE', 'OPTIMIZE', 'RESTORE'} <= operations, operations

with check('maintenance: vacuum'):
    before = lake.answer()
    lake.call('vacuum', 'images', '--retain', '0s')
    assert_same(lake.answer(), before)
    assert_all_agree(lake)
    left = sorted(
        str(path) for path in Path(lake.table()).rglob('*.parquet') if '_delta_log' not in path.parts
    )
    assert left == sorted(str(Path(uri)) for uri in DeltaTable(lake.table()).file_uris())

with check('maintenance: delta-rs maintains the table after pixlake'):
    before = lake.answer()
    table = DeltaTable(lake.table())
    table.optimize.compact()
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    table.create_checkpoint()
    assert_same(lake.answer(), before)
    ingest(900, 3)
    lake.call('verify', 'images', '--deep')
    assert_all_agree(lake)

finish()
