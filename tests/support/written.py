"""Files that tests write, held to the schemas that users are given."""

import gzip
import json
from functools import cache

import fastjsonschema

from commplan.schemas.schemas import kind_of, schema

LARGE = 60_000  # bytes, from which checking takes longer than the test


@cache
def checker(kind):
    return fastjsonschema.compile(schema(kind))


def check_written(path, content):
    """Hold what a test writes to the schema of its kind, if it is of one."""
    data = content.encode() if isinstance(content, str) else bytes(content)
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data) if len(data) < LARGE / 8 else b""
    if not data.startswith(b"{") or len(data) > LARGE:
        return None
    document = json.loads(data)
    kind = kind_of(document)
    if kind is not None:
        checker(kind)(document)
    return kind
