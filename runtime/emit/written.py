"""What a target makes of a schedule: a text, or a folder of files, and what a user is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Written:
    """One file or several.

    Attributes:
        text: of the one file; empty where there are several.
        files: the contents of several, by their names, which have no folders in them.
        notes: lines for a person, as `loss      0.52%`.
        fields: the same for a program.
    """

    text: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fields: Mapping[str, object] = field(default_factory=dict)
