"""The statistics of pixlake's data files are true, and engines that skip files by them find every row."""

from bounds import assert_bounds, assert_found, data_files
from catalogue import write_catalogue
from support import FOLDER, Lake, assert_all_agree, check, finish

LAST = '\U0010ffff'
LONG_TEXTS = [
    'a' * 150,
    'a' * 150 + 'b',
    '👟' * 120,
    '👟' * 120 + '👠',
    LAST * 130,
    LAST * 130 + 'x',
    'x' + LAST * 130,
    'x' * 31 + LAST + 'tail' * 30,
    'x' * 31 + '\ud7ff' + 'tail' * 30,
    '\uffff' * 110,
    '\ufffd' * 110,
    'ß' * 140,
    'ü' * 33,
    'é' * 32,
    'z\u0301' * 60,
    'short',
    'say "hi", \\ back',
    'two\nlines and more of them ' * 8,
]
NUMBERS = [2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 0, None]
FRACTIONS = [0.1, 0.0, 1e308, -1e308, 5e-324, 1.0000000000000002, None]
lake = Lake('statistics')


def make_row(number: int, text: str | None) -> dict:
    return {
        'id': number,
        'part': f'{number % 4}%',
        'text': text,
        'number': NUMBERS[number % len(NUMBERS)],
        'fraction': FRACTIONS[number % len(FRACTIONS)],
        'flag': None if number % 3 == 0 else number % 3 == 1,
        'empty': None,
        'a.b': text if number % 2 else None,
    }


with check('statistics: every bound holds'):
    rows = [make_row(number, text) for number, text in enumerate([*LONG_TEXTS, None, *LONG_TEXTS], start=1)]
    source = write_catalogue(FOLDER / 'statistics-source', rows)
    lake.call('ingest', source, '--schema', 'infer', '--partition-by', 'part')
    files = data_files(lake.table())
    assert len(files) == 4
    for action, table in files:
        assert assert_bounds(action, table) >= 6, action

with check('statistics: one file per text'):
    alone = [{'id': number, 'part': number, 'text': text} for number, text in enumerate(LONG_TEXTS, start=1)]
    source = write_catalogue(FOLDER / 'statistics-alone', alone)
    lake.call('ingest', source, '--schema', 'infer', '--table', 'alone', '--partition-by', 'part')
    files = data_files(lake.table('alone'))
    assert len(files) == len(LONG_TEXTS)
    for action, table in files:
        assert_bounds(action, table)
    # A text that is cut within a character has none.
    assert sum(action.get('min.text') is not None for action, _ in files) >= len(files) / 2

with check('statistics: other engines find every row by each of its values'):
    assert_found(lake.table(), lake.answer(), ['text', 'number', 'fraction', 'flag', 'a.b', 'part'])
    assert_found(lake.table('alone'), lake.answer('SELECT * FROM alone'), ['text', 'part'])

with check('statistics: negative zero lies within the bounds'):
    zeros = [{'id': 1, 'fraction': -0.0}, {'id': 2, 'fraction': 0.5}]
    source = write_catalogue(FOLDER / 'statistics-zeros', zeros)
    lake.call('ingest', source, '--schema', 'infer', '--table', 'zeros')
    for action, table in data_files(lake.table('zeros')):
        assert_bounds(action, table)
        assert action.get('min.fraction') is not None, action
    assert_found(lake.table('zeros'), lake.answer('SELECT * FROM zeros'), ['fraction'])

with check('statistics: every bound holds after upsert, delete and optimize'):
    changed = [{**row, 'fraction': 7.25} if row['id'] % 6 == 0 else row for row in rows]
    write_catalogue(FOLDER / 'statistics-source', changed)
    lake.call('ingest', FOLDER / 'statistics-source', '--schema', 'infer')
    lake.call('delete', 'images', '--where', 'id % 10 = 1')
    lake.call('optimize', 'images', '--sort-by', 'text')
    for action, table in data_files(lake.table()):
        assert assert_bounds(action, table) >= 6, action
    assert_found(lake.table(), lake.answer(), ['text', 'number', 'fraction'])
    assert_all_agree(lake)

finish()
