"""Delta-rs and Polars read what pixlake's ingest and run write."""

from catalogue import AWKWARD_TEXTS, make_row, write_catalogue
from compare import assert_same
from support import FOLDER, Lake, assert_all_agree, assert_engines_agree, check, finish, read_delta_rs

MAKERS = [*AWKWARD_TEXTS, None, *AWKWARD_TEXTS, None]
ROWS = [make_row(number, maker) for number, maker in enumerate(MAKERS, start=1)]
lake = Lake('writes')
source = FOLDER / 'writes-source'

with check('pixlake writes: first ingest, partitioned by awkward texts'):
    write_catalogue(source, ROWS)
    lake.call('ingest', source, '--schema', 'infer', '--partition-by', 'maker')
    answer = lake.answer()
    assert answer.num_rows == len(ROWS)
    assert {row['id']: row['maker'] for row in answer.to_pylist()} == {
        row['id']: row['maker'] for row in ROWS
    }
    assert_all_agree(lake)

with check('pixlake writes: every partition is found by its value'):
    questions = ' UNION ALL '.join(
        f"SELECT {row['id']} AS id, list(id ORDER BY id) AS found FROM images WHERE maker = '{quoted}'"
        for row in ROWS
        if row['maker'] is not None
        for quoted in [row['maker'].replace("'", "''")]
    )
    found = {row['id']: row['found'] for row in lake.answer(questions).to_pylist()}
    for row in ROWS:
        if row['maker'] is not None:
            same = [other['id'] for other in ROWS if other['maker'] == row['maker']]
            assert found[row['id']] == same, f'{row["maker"]!r}: {found[row["id"]]} instead of {same}'

with check('pixlake writes: upsert of changed rows'):
    changed = [{**row, 'title': 'changed'} if row['id'] % 3 == 0 else row for row in ROWS]
    write_catalogue(source, [*changed, make_row(1000, 'left/right')])
    lake.call('ingest', source, '--schema', 'infer')
    assert lake.answer("SELECT id FROM images WHERE title = 'changed'").num_rows == len(ROWS) // 3
    assert_all_agree(lake)

with check('pixlake writes: upsert that moves rows to other partitions'):
    moved = [{**row, 'maker': 'Müller & Söhne'} if row['id'] % 10 == 0 else row for row in changed]
    write_catalogue(source, moved)
    lake.call('ingest', source, '--schema', 'infer')
    assert_all_agree(lake)

with check('pixlake writes: new columns by ingest'):
    extended = [
        make_row(number, maker, colour=None if number % 2 else 'rot', weight=number / 8)
        for number, maker in [(1, 'Personal Care'), (2001, 'a/b'), (2002, None), (2003, 'neu')]
    ]
    write_catalogue(FOLDER / 'writes-extended', extended)
    lake.call('ingest', FOLDER / 'writes-extended', '--schema', 'infer')
    answer = lake.answer()
    assert answer.num_rows == len(ROWS) + 4
    assert answer.column('weight').null_count == len(ROWS)
    assert_all_agree(lake)

with check('pixlake writes: partitions by whole number, boolean and fraction'):
    rows = [
        make_row(number, 'x', stock=number % 3 - 1, price=[0.5, -1e30, None][number % 3])
        for number in range(1, 19)
    ]
    write_catalogue(FOLDER / 'writes-numbers', rows)
    options = ['--schema', 'infer', '--table', 'numbers', '--partition-by', 'stock,active,price']
    lake.call('ingest', FOLDER / 'writes-numbers', *options)
    assert_all_agree(lake, 'numbers')

with check('pixlake writes: awkward column names'):
    names = ['id', 'a b', 'ä', 'x.y', 'q"q', "q'q", 'p%q', 'Case', '日本', 'part/ition', 'a=b', 'e+f']
    rows = [
        {name: number if name == 'id' else f'{name} {number % 2}' for name in names} for number in range(1, 7)
    ]
    write_catalogue(FOLDER / 'writes-names', rows)
    lake.call('ingest', FOLDER / 'writes-names', '--schema', 'infer', '--table', 'names')
    assert_all_agree(lake, 'names')

with check('pixlake writes: partitions by columns of awkward names'):
    # Polars looks for the names of such columns, still encoded, in the paths of data files and fails.
    options = ['--schema', 'infer', '--table', 'split', '--partition-by', 'part/ition,a=b,p%q,a b,日本']
    lake.call('ingest', FOLDER / 'writes-names', *options)
    assert_same(read_delta_rs(lake.table('split')), lake.answer('SELECT * FROM split'))

with check('pixlake writes: manifest of a run'):
    sql = 'SELECT * FROM images WHERE id <= 6'
    lake.call('run', '--sql', sql, '--name', 'small', '--copies', '2', '--flip', '0.5', '--format', 'png')
    (manifest,) = (lake.folder / 'runs' / 'small').glob('run_id=*/manifest')
    expected = lake.answer('SELECT * FROM runs."small"')
    assert expected.num_rows == 12
    assert_engines_agree(str(manifest), expected, key='image_id')

finish()
