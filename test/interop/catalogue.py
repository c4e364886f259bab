"""Writes small catalogues to ingest: a CSV file and one tiny PNG per row."""

import csv
import struct
import zlib
from pathlib import Path

# Values that are awkward as folder names, in URIs or in Hive's encoding.
AWKWARD_TEXTS = [
    'Personal Care',
    '100%',
    'a%20b',
    'a%2520b',
    'key=value',
    'left/right',
    'back\\slash',
    'Müller & Söhne',
    'Mu\u0308ller',
    '👟 Schuh',
    '日本語',
    "O'Neill",
    'say "hi"',
    '12:30:00',
    'a+b',
    '#1?',
    'a;b,c|d',
    '*[x]{y}',
    '<tag>~^`$HOME',
    'two\nlines',
    'tab\there',
    'del\u007f',
    'line\u2028end',
    'ends.',
    '.',
    '..',
    'null',
    '007',
    '2024-02-29',
]

PRICES = [0.1, -2.5, 1e300, 5e-324, 12345678.9, None]


def make_row(number: int, maker: str | None, **changes) -> dict:
    """A row with nulls here and there, which differ from column to column."""
    return {
        'id': number,
        'maker': maker,
        'title': None if number % 5 == 0 else f'Thing {number} "{maker}"',
        'price': PRICES[number % len(PRICES)],
        'stock': None if number % 7 == 0 else (number - 10) * 10**12,
        'active': None if number % 4 == 0 else number % 2 == 0,
        **changes,
    }


def write_catalogue(folder: Path, rows: list[dict]) -> Path:
    """Writes `rows.csv` with the columns of the first row, None as an empty field, and `images/<id>.png`."""
    images = folder / 'images'
    images.mkdir(parents=True, exist_ok=True)
    with open(folder / 'rows.csv', 'w', encoding='utf-8', newline='') as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        (images / f'{row["id"]}.png').write_bytes(draw_png(row['id']))
    return folder


def draw_png(shade: int, width: int = 4, height: int = 3) -> bytes:
    """A PNG of one colour."""
    line = b'\0' + bytes([shade % 256, shade // 256 % 256, 128]) * width
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    body = _chunk(b'IHDR', header) + _chunk(b'IDAT', zlib.compress(line * height)) + _chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
