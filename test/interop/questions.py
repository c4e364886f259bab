"""Asks for rows by conditions: once pixlake, which skips files, and once DuckDB, which holds all rows."""

from datetime import date, datetime
from decimal import Decimal
from math import isfinite

import duckdb
import pyarrow as pa
from support import Lake

COMPARISONS = ['=', '<>', '<', '<=', '>', '>=']


def assert_same_answers(lake: Lake, name: str, rows: pa.Table, columns: list[str]) -> int:
    """Demands the ids that DuckDB finds by each condition; gives the most files that pixlake skipped."""
    asked = [
        (condition, ids)
        for column in columns
        for condition, ids in ask_duckdb(rows, conditions_on(rows, column))
    ]
    answers = lake.ask_all([f'SELECT id FROM {name} WHERE {condition}' for condition, _ids in asked])
    wrong = [
        f'{condition[:200]}: pixlake finds {answer.get("ids", answer.get("error"))}, DuckDB {ids}'
        for (condition, ids), answer in zip(asked, answers, strict=True)
        if answer.get('ids') != ids
    ]
    assert not wrong, f'{len(wrong)} of {len(asked)} answers are wrong:\n' + '\n'.join(wrong[:12])
    counts = [answer['fileCount'] for answer in answers]
    return max(counts) - min(counts)


def ask_duckdb(rows: pa.Table, conditions: list[str]) -> list[tuple[str, list[int]]]:
    """The ids that DuckDB finds by each condition, without those conditions that it cannot compute."""
    answers = []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register('rows', rows)
        for condition in conditions:
            try:
                found = connection.sql(f'SELECT id FROM rows WHERE {condition}').fetchall()
            except duckdb.Error:
                continue
            answers.append((condition, sorted(id_ for (id_,) in found)))
    return answers


def conditions_on(rows: pa.Table, column: str) -> list[str]:
    """Conditions on one column that compare it with its own values and with what lies close to them."""
    name = '"' + column.replace('"', '""') + '"'
    values = [value for value in rows.column(column).to_pylist() if value is not None]
    literals = [literal for value in values for literal in literals_near(value)]
    conditions = [f'{name} IS NULL', f'{name} IS NOT NULL']
    for literal in dict.fromkeys(literals):
        conditions += [f'{name} {comparison} {literal}' for comparison in COMPARISONS]
        conditions += [
            f'{literal} < {name}',
            f'NOT {name} >= {literal}',
            f'{name} BETWEEN {literal} AND {literal}',
        ]
    for value in values:
        if isinstance(value, str):
            conditions += [
                f'starts_with({name}, {quote(value[:40])})',
                f'{name} LIKE {quote(value[:3] + "%")}',
            ]
    if values:
        listed = ', '.join(literal_of(value) for value in values)
        conditions += [f'{name} IN ({listed})', f'NOT {name} IN ({listed})']
    return conditions


def literals_near(value) -> list[str]:
    """SQL for a value as such, as other types that compare with it, and for its neighbours."""
    literals = [literal_of(value)]
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        literals += [
            f'{value + 1}',
            f'{value - 1}',
            f'{float(value)!r}::DOUBLE',
            f'{float(value):.16e}',
            quote(str(value)),
        ]
    if isinstance(value, int) and not isinstance(value, bool):
        literals += [f'{value}.5', f'-{value}' if value > 0 else f'{-value}']
    if isinstance(value, float):
        literals += [f'{value:.16e}', '0', '1'] if isfinite(value) else ['0']
    if isinstance(value, date):
        literals += [
            quote(value.isoformat()),
            f"DATE '{value:%Y-%m-%d}'",
            f"TIMESTAMP '{value:%Y-%m-%d} 12:00:00'",
        ]
        literals += [f"TIMESTAMPTZ '{value:%Y-%m-%d} 01:00:00+02'", f"'{value:%Y-%m-%d} 00:00:00.0015'"]
    if isinstance(value, str):
        literals += [quote(value[:32]), quote(value + '!'), quote(value[:10] + '\U0010ffff')]
    return literals


def literal_of(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"'{value!r}'::DOUBLE"
    if isinstance(value, (int, Decimal)):
        return str(value)
    if isinstance(value, bytes):
        return "'" + ''.join(f'\\x{byte:02X}' for byte in value) + "'::BLOB"
    if isinstance(value, datetime):
        kind = 'TIMESTAMP' if value.tzinfo is None else 'TIMESTAMPTZ'
        return f"{kind} '{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"DATE '{value}'"
    return quote(value)


def quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
