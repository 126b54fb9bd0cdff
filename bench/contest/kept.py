"""Rows kept in a file as they come: a measurement may be cut into as many parts as one likes.

A line of the file is one row, in JSON; the first one says what was measured, and by which library.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

import click

from topologies.model.errors import NO, WRONG_INPUT, CommplanError
from topologies.model.units import Seconds


class JournalError(click.ClickException, CommplanError, ValueError):
    """A file of rows that is none, or of another library."""

    exit_code = WRONG_INPUT


class TimeOverError(CommplanError, RuntimeError):
    """There is no time for another launch."""

    exit_code = NO


@dataclass
class Kept:
    """Rows in memory, and in a file if there is one.

    Attributes:
        format: of the rows.
        library: whose launches they are.
        until: the time of the clock (`time.monotonic`) after which no launch is begun.
    """

    format: str
    library: str
    path: Path | None = None
    until: Seconds = inf
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path is not None and self.path.exists():
            self._read(self.path)
        else:
            self._append({"format": self.format, "library": self.library})

    def _read(self, path: Path) -> None:
        try:
            head, *self.rows = (json.loads(line) for line in path.read_text().splitlines())
            known = (head["format"], head["library"]) == (self.format, self.library)
        except (ValueError, KeyError, TypeError):
            raise JournalError(f"{path}: no file of rows, expected {self.format}") from None
        if not known:
            raise JournalError(f"{path}: not launches of {self.library}, expected those")

    def begin(self) -> None:
        """Go on while there is time.

        Raises:
            TimeOverError: there is none.
        """
        if time.monotonic() > self.until:
            raise TimeOverError

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row."""
        self.rows.append(row)
        self._append(row)

    def once(
        self, asked: Mapping[str, Any], make: Callable[[], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Give the row that was kept of what is asked, or make it if there is time.

        Raises:
            TimeOverError: there is none.
        """
        for row in self.rows:
            if all(row.get(name) == value for name, value in asked.items()):
                return row
        self.begin()
        self.add({**asked, **make()})
        return self.rows[-1]

    def _append(self, row: dict[str, Any]) -> None:
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
