"""Pixlake and delta-rs write one table, in turn and at once; no row is lost or doubled."""

import threading
import time
from contextlib import contextmanager

import pyarrow as pa
from catalogue import make_row, write_catalogue
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from support import FOLDER, Lake, assert_all_agree, check, finish, read_delta_rs

MAKERS = ['left/right', '100% ü', None, 'a+b=c']
ROUNDS = 6
INGESTS = 10
LEAST_APPENDS = 20
MOST_APPENDS = 100
PAUSE_SECONDS = 0.05


def ingest(lake: Lake, first: int, count: int, **changes) -> None:
    rows = [make_row(n, MAKERS[n % len(MAKERS)], **changes) for n in range(first, first + count)]
    source = write_catalogue(FOLDER / f'{lake.folder.name}-source-{first}', rows)
    lake.call('ingest', source, '--schema', 'infer', '--partition-by', 'maker')


def foreign_rows(lake: Lake, first: int, count: int) -> pa.Table:
    """Rows with the columns and types of the table, as delta-rs reads it."""
    schema = read_delta_rs(lake.table()).schema
    rows = [
        {**make_row(n, MAKERS[n % len(MAKERS)]), 'image_status': 'ok'} for n in range(first, first + count)
    ]
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in schema.names} for row in rows], schema=schema
    )


def append(lake: Lake, first: int, count: int) -> None:
    write_deltalake(lake.table(), foreign_rows(lake, first, count), mode='append')


def compact(lake: Lake) -> None:
    DeltaTable(lake.table()).optimize.compact()


def delete(lake: Lake, condition: str) -> None:
    DeltaTable(lake.table()).delete(condition)


def assert_whole(lake: Lake, expected_ids: list[int]) -> None:
    """Demands a log without gaps, engines that agree, and the expected ids, each once."""
    log = lake.folder / 'tables' / 'images' / '_delta_log'
    versions = sorted(int(path.stem) for path in log.glob('*.json') if path.stem.isdigit())
    assert versions == list(range(len(versions))), versions
    assert_all_agree(lake)
    ids = sorted(lake.answer('SELECT id FROM images').column('id').to_pylist())
    assert ids == sorted(expected_ids), f'{len(ids)} rows instead of {len(expected_ids)}'
    lake.call('verify', 'images', '--deep')


def insist(work, *args) -> None:
    """Delta-rs reports a conflict where pixlake redoes its work; its caller has to try again."""
    for _attempt in range(50):
        try:
            return work(*args)
        except CommitFailedError:
            continue
    raise AssertionError('delta-rs never won')


@contextmanager
def beside(work):
    """Does work in a thread while its block runs, tells it when the block is over, and waits for it."""
    failures = []
    is_over = threading.Event()

    def run() -> None:
        try:
            work(is_over)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    if failures:
        raise failures[0]


def count_turns(engines: list[str]) -> int:
    return sum(one != other for one, other in zip(engines, engines[1:]))


turns = Lake('turns')
for number in range(ROUNDS):
    with check(f'both write: in turn, round {number + 1} of {ROUNDS}'):
        ingest(turns, number * 100 + 1, 10)
        append(turns, number * 100 + 51, 10)
        ids = [
            part + n for part in range(0, (number + 1) * 100, 100) for n in [*range(1, 11), *range(51, 61)]
        ]
        assert_whole(turns, ids)

with check('both write: pixlake changes rows that delta-rs wrote, and the other way round'):
    ingest(turns, 51, 10, title='by pixlake')
    assert_whole(turns, ids)
    assert turns.answer("SELECT id FROM images WHERE title = 'by pixlake'").num_rows == 10
    DeltaTable(turns.table()).update(updates={'title': "'by delta-rs'"}, predicate='id <= 10')
    assert_whole(turns, ids)
    ingest(turns, 1, 10)
    assert turns.answer("SELECT id FROM images WHERE title = 'by delta-rs'").num_rows == 0
    assert_whole(turns, ids)

with check(f'both write: delta-rs appends while pixlake ingests {INGESTS} times'):
    race = Lake('race')
    ingest(race, 1, 5)
    appended = []

    def append_many(is_over: threading.Event) -> None:
        while len(appended) < MOST_APPENDS and not (is_over.is_set() and len(appended) >= LEAST_APPENDS):
            first = 10_001 + len(appended) * 5
            insist(append, race, first, 5)
            appended.append(range(first, first + 5))
            time.sleep(PAUSE_SECONDS)

    with beside(append_many):
        for number in range(1, INGESTS + 1):
            ingest(race, 1 + number * 5, 5)
    assert_whole(race, [*range(1, 6 + INGESTS * 5), *(n for ids in appended for n in ids)])
    engines = [entry['engineInfo'].split('/')[0] for entry in reversed(DeltaTable(race.table()).history())]
    assert len(engines) == 1 + INGESTS + len(appended)
    assert count_turns(engines) >= INGESTS, engines

with check('both write: delta-rs compacts and deletes while pixlake changes rows'):
    doomed = [ids[0] for ids in appended]
    deleted = []
    before = len(DeltaTable(race.table()).history())

    def maintain(is_over: threading.Event) -> None:
        for number, id_ in enumerate(doomed):
            insist(delete, race, f'id = {id_}')
            deleted.append(id_)
            if number % 5 == 0:
                insist(compact, race)
            time.sleep(PAUSE_SECONDS)

    with beside(maintain):
        for number in range(INGESTS):
            ingest(race, 1 + number * 5, 5, title=f'changed {number}')
            # Delta-rs gives way to whoever is quicker, so it is given a turn now and then.
            seen = len(deleted) + (number % 3 == 2)
            for _wait in range(6000):
                if len(deleted) >= min(seen, len(doomed)):
                    break
                time.sleep(0.01)
    assert_whole(race, [*range(1, 6 + INGESTS * 5), *(n for ids in appended for n in ids[1:])])
    changed = race.answer("SELECT id FROM images WHERE title LIKE 'changed %'").num_rows
    assert changed == INGESTS * 5, f'{changed} rows are changed'
    entries = list(reversed(DeltaTable(race.table()).history()))[before:]
    turns = count_turns([entry['engineInfo'].split('/')[0] for entry in entries])
    assert turns >= 3, f'the two met {turns} times'

finish()
