"""Tables that Spark and others wrote: pixlake reads the rows that delta-rs reads, and verifies them without a false alarm."""

import json
import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from compare import assert_same_rows, rows_of
from deltalake import DeltaTable, QueryBuilder
from support import FOLDER, PIXLAKE, check, finish

TABLES = Path(__file__).resolve().parents[3] / 'shared' / 'delta-tables'
OUTPUT = FOLDER / 'foreign-rows'
TIMEOUT_SECONDS = 600


def find_tables() -> dict[str, str]:
    """Folders with a log, by a name that pixlake takes."""
    folders = sorted(log.parent for log in TABLES.glob('**/_delta_log'))
    names = {re.sub(r'[^A-Za-z0-9_.-]', '-', str(folder.relative_to(TABLES)))[:64]: folder for folder in folders}
    assert len(names) == len(folders), 'two tables have one name'
    return {name: str(folder) for name, folder in names.items()}


def read_pixlake(tables: dict[str, str]) -> dict[str, dict]:
    OUTPUT.mkdir()
    request = {
        'library': str(Path(PIXLAKE[1]).parents[1] / 'index.js'),
        'lake': str(FOLDER / 'foreign-lake'),
        'tables': tables,
        'output': str(OUTPUT),
    }
    done = subprocess.run(
        [PIXLAKE[0], os.environ['PIXLAKE_READ_TABLES']],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        encoding='utf-8',
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    return json.loads(done.stdout)


def read_delta_rs(path: str):
    """The rows, or the text of what delta-rs says."""
    try:
        rows = QueryBuilder().register('t', DeltaTable(path)).execute('SELECT * FROM t')
        return pa.table(rows.read_all())
    except BaseException as error:  # panics of Rust are no exceptions
        return ' '.join(str(error).split())


def with_plain_times(table: pa.Table) -> pa.Table:
    """Spark writes timestamps without saying their zone, so they are compared as numbers."""
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, table.column(index).cast(pa.timestamp('us')).cast(pa.int64()))
    return table


def name_refusal(error: str) -> str:
    features = re.search(r'(?:features?|type) ([\w, ]+)', error)
    return features[1] if features else error.split(':')[0]


if not TABLES.exists():
    print(f'SKIPPED: the tables that others wrote are not at {TABLES.relative_to(TABLES.parents[2])}', flush=True)
    finish()

tables = find_tables()
ours = read_pixlake(tables)
spark_rows = TABLES / 'made-rows'
both = pixlake_only = delta_rs_only = neither = 0
refused: Counter[str] = Counter()
for name, path in tables.items():
    answer = ours[name]
    theirs = read_delta_rs(path)
    if 'error' in answer:
        if isinstance(theirs, str):
            neither += 1
            continue
        delta_rs_only += 1
        refused[name_refusal(answer['error'])] += 1
        with check(f'foreign: {name} is refused by the name of a feature'):
            assert answer['error'].startswith('TABLE_FEATURE_UNSUPPORTED'), answer['error']
        continue
    with check(f'foreign: {name} is verified without a false alarm'):
        assert answer['problems'] == [], answer['problems']
    made = spark_rows / Path(path).name
    if Path(path).parent.name == 'made' and made.exists():
        with check(f'foreign: {name} has the rows that Spark reads'):
            mine = pq.read_table(OUTPUT / f'{name}.parquet')
            spark = pq.read_table(made, coerce_int96_timestamp_unit='us')
            assert_same_rows(rows_of(with_plain_times(mine)), rows_of(with_plain_times(spark)))
    if isinstance(theirs, str):
        pixlake_only += 1
        continue
    both += 1
    with check(f'foreign: {name} has the rows that delta-rs reads'):
        mine = pq.read_table(OUTPUT / f'{name}.parquet')
        assert mine.column_names == theirs.column_names, f'{mine.column_names}\n{theirs.column_names}'
        assert_same_rows(rows_of(mine), rows_of(theirs))

print(
    f'{len(tables)} tables: read by both {both}, by pixlake only {pixlake_only}, '
    f'by delta-rs only {delta_rs_only}, by neither {neither}'
)
with check('foreign: no fewer tables are read than were'):
    assert both >= 99, both
    assert delta_rs_only <= 21, delta_rs_only
print('refused: ' + ', '.join(f'{feature} {count}' for feature, count in refused.most_common()), flush=True)
finish()
