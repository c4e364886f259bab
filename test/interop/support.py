"""What all interop scripts share: checks that are counted, calls of pixlake, and other engines' readers."""

import json
import os
import subprocess
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path

import polars
import pyarrow as pa
import pyarrow.parquet as pq
from compare import assert_same
from deltalake import DeltaTable

FOLDER = Path(os.environ['PIXLAKE_INTEROP_FOLDER'])
PIXLAKE = [os.environ['PIXLAKE_NODE'], os.environ['PIXLAKE_MAIN']]
TIMEOUT_SECONDS = 300

_failures: list[str] = []


@contextmanager
def check(name: str):
    """Counts what is done in its block as one check; a failure is printed and the script goes on."""
    try:
        yield
    except Exception as error:
        _failures.append(name)
        print(f'FAIL  {name}', flush=True)
        lines = ''.join(traceback.format_exception(error)).splitlines()
        print('\n'.join(f'      {line}' for line in lines[-14:]), flush=True)
    else:
        print(f'ok    {name}', flush=True)


def finish() -> None:
    """Ends a script; the interpreter's own exit may abort in deltalake's threads."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if _failures else 0)


class PixlakeFailed(Exception):
    """Pixlake ended with another exit code than the caller expected."""


class Lake:
    """A lake in a folder of its own, made and asked by calling pixlake."""

    def __init__(self, name: str):
        self.folder = FOLDER / name
        self._answers = 0

    def table(self, name: str = 'images') -> str:
        return str(self.folder / 'tables' / name)

    def call(self, *args: str, code: int = 0) -> subprocess.CompletedProcess:
        """Calls pixlake and demands an exit code."""
        done = subprocess.run(
            [*PIXLAKE, *map(str, args)],
            env={**os.environ, 'PIXLAKE_LAKE': str(self.folder)},
            capture_output=True,
            encoding='utf-8',
            timeout=TIMEOUT_SECONDS,
        )
        if done.returncode != code:
            words = ' '.join(map(str, args))
            raise PixlakeFailed(
                f'pixlake {words} ended with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}'
            )
        return done

    def json(self, *args: str):
        return json.loads(self.call(*args, '--json').stdout)

    def answer(self, sql: str = 'SELECT * FROM images', *args: str) -> pa.Table:
        """What pixlake answers to a query, by way of a Parquet file."""
        self._answers += 1
        path = self.folder.parent / f'{self.folder.name}-answer-{self._answers}.parquet'
        self.call('query', sql, '--format', 'parquet', '--output', path, *args)
        try:
            return pq.read_table(path)
        finally:
            path.unlink()

    def ask_all(self, queries: list[str]) -> list[dict]:
        """The ids that each query finds and the number of files it reads; see ask-all.mjs."""
        library = str(Path(PIXLAKE[1]).parents[1] / 'index.js')
        request = json.dumps({'library': library, 'lake': str(self.folder), 'queries': queries})
        done = subprocess.run(
            [PIXLAKE[0], os.environ['PIXLAKE_ASK_ALL']],
            input=request,
            capture_output=True,
            encoding='utf-8',
            timeout=TIMEOUT_SECONDS,
        )
        if done.returncode != 0:
            raise PixlakeFailed(done.stderr)
        return json.loads(done.stdout)


def read_delta_rs(path: str, version: int | None = None) -> pa.Table:
    return DeltaTable(path, version=version).to_pyarrow_table()


def read_polars(path: str, version: int | None = None) -> pa.Table:
    return polars.read_delta(path, version=version).to_arrow()


def assert_engines_agree(path: str, expected: pa.Table, version: int | None = None, key: str = 'id') -> None:
    """Demands that delta-rs and Polars read from a folder what pixlake reads."""
    assert expected.num_rows > 0, 'an empty answer proves nothing'
    assert_same(read_delta_rs(path, version), expected, key)
    assert_same(read_polars(path, version), expected, key)


def assert_all_agree(lake: Lake, table: str = 'images', version: int | None = None) -> None:
    """Demands that pixlake, delta-rs and Polars read the same from a table of a lake."""
    at = [] if version is None else ['--at', str(version)]
    assert_engines_agree(lake.table(table), lake.answer(f'SELECT * FROM {table}', *at), version)
