"""What a file holds, told by its first bytes, for whoever is given a file of another kind."""

import re
from codecs import getincrementaldecoder
from collections.abc import Container

HEAD = 4096  # bytes that are looked at

EMPTY, LIST, OBJECT, TEXT = "an empty file", "a JSON list", "a JSON object", "text"
TOPOLOGY, SCHEDULE, SCHEDULES = "a topology", "a schedule", "a set of schedules"
TOGETHER = "a set of collectives that run together"
TOML, COLLECTIVE, GRAPHML, XML = "TOML", "a collective in TOML", "GraphML", "XML"
NUMBERS, ARRAY = "lines of numbers", "a numpy array"
BINARY = "binary data"

_MAGIC = (
    (b"\x93NUMPY", ARRAY),
    (b"\x1f\x8b", "data packed by gzip"),
    (b"\x28\xb5\x2f\xfd", "data packed by zstd"),
    (b"\xfd7zXZ", "data packed by xz"),
    (b"BZh", "data packed by bzip2"),
    (b"PK\x03\x04", "a zip archive"),
)
_OURS = re.compile(r'\{.*?"format"\s*:\s*"commplan/(topology|schedule|set|together)/', re.DOTALL)
_OF_FORMAT = {"topology": TOPOLOGY, "schedule": SCHEDULE, "set": SCHEDULES, "together": TOGETHER}
_COMMENTS = r"(#[^\n]*\n\s*)*"
_NAMED = r"(name\s*=[^\n]*\n\s*)?"
# The first that fits tells.
_BEGINNINGS = tuple(
    (re.compile(pattern, re.ASCII), kind)
    for pattern, kind in (
        (r"\{", OBJECT),
        (rf"{_COMMENTS}{_NAMED}\[\[ *block *\]\]", COLLECTIVE),
        (rf"{_COMMENTS}format\s*=\s*[\"']commplan/topology/", TOPOLOGY),
        (r"\[\[?(?!(true|false|null)\b)[A-Za-z][\w.-]*\]\]?\s*(\n|$)", TOML),
        (r"\[", LIST),
        (r"(<\?xml[^>]*>\s*)?(<!--.*-->\s*)*<graphml", GRAPHML),
        (r"<", XML),
        (r"/\*|//|#\s*(include|define|if|pragma)\b", "a program in C"),
        (r"#![^\n]*python|\"\"\"|(from\s+[\w.]+\s+)?import\s+\w", "a program in Python"),
        (r"#![^\n]*sh\b", "a shell script"),
        (rf"{_COMMENTS}[\w.-]+[ \t]*=[ \t]*\S", TOML),
        (rf"{_COMMENTS}-?[0-9][0-9.,;eE+ \t-]*(\r|\n|$)", NUMBERS),
    )
)


def kind(data: bytes) -> str:
    """Say what a file holds, as in `a schedule`; `text` and `binary data` where nothing is known.

    Args:
        data: the file, or as much of its beginning as there is.
    """
    head = data[:HEAD]
    for magic, known in _MAGIC:
        if head.startswith(magic):
            return known
    try:
        # The last letter may have been cut in two.
        whole = len(data) <= HEAD
        text = getincrementaldecoder("utf-8-sig")().decode(head, final=whole).lstrip()
    except UnicodeDecodeError:
        return BINARY
    if "\0" in text:
        return BINARY
    if not text:
        return EMPTY
    if ours := _OURS.match(text):
        return _OF_FORMAT[ours[1]]
    return next((known for pattern, known in _BEGINNINGS if pattern.match(text)), TEXT)


def expect(data: bytes, known: Container[str], wanted: str) -> None:
    """Refuse a file that holds something else than what is wanted.

    Args:
        data: the file.
        known: kinds that may be what is wanted; reading them tells.
        wanted: in words, as in `a schedule`.

    Raises:
        ValueError: naming both.
    """
    found = kind(data)
    if found not in known:
        raise ValueError(f"found {found}, expected {wanted}")
