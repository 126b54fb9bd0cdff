"""Whether the parts of a topology are of the right kinds, and fit each other."""

from collections.abc import Sequence
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from topologies.model.arguments import Refusal, column, number, of, refuse, whole, within

if TYPE_CHECKING:
    from topologies.model.topology import Topology

# Sums of capacities times a rank count must stay inside the int64 of the max-flow solver.
CAPACITY_LIMIT = 2**48
# Sums of times must stay finite.
SECONDS_LIMIT = 1e60


def check_values(made: "Topology", wrong: Refusal) -> None:
    """Look at what is no column; raise what `wrong` makes of the first fault."""
    of("name", made.name, str, "a text", wrong)
    for field in ("names", "kinds", "classes"):
        of(field, getattr(made, field), tuple, "a tuple", wrong)
    for field in ("names", "kinds"):
        for i, word in enumerate(getattr(made, field)):
            if not isinstance(word, str):
                refuse(f"{field}[{i}]", word, "a text", wrong)
    whole("ranks", made.ranks, 0, len(made.names), wrong)
    if len(made.kinds) != len(made.names):
        refuse("kinds", len(made.kinds), f"{len(made.names)}, one for each vertex", wrong)
    number("unit", of("unit", made.unit, Fraction, error=wrong), above=True, error=wrong)


def check_columns(made: "Topology", wrong: Refusal) -> None:
    """Look at the kinds, lengths and ranges of the columns; raise as `check_values` does."""
    vertices, links = len(made.names), len(column("src", made.src, error=wrong))
    for field, kinds, length in (
        *(("multicast", "b", vertices), ("reduce", "b", vertices), ("overhead", "f", made.ranks)),
        *((name, "iu", links) for name in ("dst", "capacity", "mate", "link_class", "plane")),
        ("alpha", "f", links),
    ):
        column(field, getattr(made, field), length, kinds, wrong)
    for field, least, most in (
        *(("src", 0, vertices - 1), ("dst", 0, vertices - 1), ("mate", -1, links - 1)),
        *(("link_class", 0, len(made.classes) - 1), ("capacity", 1, CAPACITY_LIMIT)),
    ):
        within(field, getattr(made, field), least, most, wrong)
    for field in ("alpha", "overhead"):
        figures = getattr(made, field)
        if not ((figures >= 0) & (figures <= SECONDS_LIMIT)).all():
            refuse(field, figures, "seconds from 0", wrong)
    if not isinstance(made.symmetry, np.ndarray) or made.symmetry.shape[1:] != (vertices,):
        refuse("symmetry", made.symmetry, f"an array of rows of {vertices} vertices", wrong)


def check_declared(
    ranks: Sequence[object],
    switches: Sequence[object],
    links: Sequence[object],
    kinds: tuple[type, type],
    wrong: Refusal,
) -> None:
    """Look at the kinds of what a person declares; raise as `check_values` does.

    Args:
        ranks: names.
        switches: as declared.
        links: as declared.
        kinds: of switches and of links.
        wrong: makes the error from its line.
    """
    for i, name in enumerate(ranks):
        if not isinstance(name, str):
            refuse(f"ranks[{i}]", name, "a name", wrong)
    for place, things, kind in (("switches", switches, kinds[0]), ("links", links, kinds[1])):
        for i, thing in enumerate(things):
            if not isinstance(thing, kind):
                refuse(f"{place}[{i}]", thing, f"a {kind.__name__}", wrong)
    for i, switch in enumerate(switches):
        _check_switch(f"switches[{i}]", switch, wrong)
    for i, link in enumerate(links):
        _check_link(f"links[{i}]", link, wrong)


def check_rest(
    name: object,
    kinds: Sequence[object],
    classes: tuple[Sequence[object], type],
    overhead: Sequence[object],
    symmetry: object,
    wrong: Refusal,
) -> None:
    """Look at the kinds of what may be left out, and of the name; raise as `check_values` does.

    Args:
        name: of the machine.
        kinds: of the ranks.
        classes: and the kind that they are of.
        overhead: of each rank, seconds.
        symmetry: rows of permutations.
        wrong: makes the error from its line.
    """
    of("name", name, str, "a text", wrong)
    for place, things, kind, expected in (
        ("kinds", kinds, str, "a text"),
        ("classes", *classes, f"a {classes[1].__name__}"),
        ("overhead", overhead, Real, "seconds from 0"),
    ):
        if isinstance(things, str) or not isinstance(things, Sequence | np.ndarray):
            refuse(place, things, "a list", wrong)
        for i, thing in enumerate(things):
            if not isinstance(thing, kind):
                refuse(f"{place}[{i}]", thing, expected, wrong)
    if not _are_rows(symmetry):
        refuse("symmetry", symmetry, "rows of whole numbers", wrong)


def _are_rows(table: object) -> bool:
    """Tell whether something is rows of whole numbers; whether these fit is not asked."""
    if isinstance(table, np.ndarray):
        return not table.size or (table.ndim == 2 and table.dtype.kind in "iu")
    if isinstance(table, str) or not isinstance(table, Sequence):
        return False
    return all(
        isinstance(row, Sequence | np.ndarray) and all(isinstance(n, Integral) for n in row)
        for row in table
    )


def _check_switch(place: str, switch: Any, wrong: Refusal) -> None:  # noqa: ANN401
    if not isinstance(switch.name, str):
        refuse(f"{place}.name", switch.name, "a name", wrong)


def _check_link(place: str, link: Any, wrong: Refusal) -> None:  # noqa: ANN401
    for end in (link.src, link.dst):
        if not isinstance(end, str):
            refuse(place, end, "names of ranks or switches", wrong)
    if not isinstance(link.bandwidth, Rational):
        refuse(f"{place}.bandwidth", link.bandwidth, "a Fraction, in bytes per second", wrong)
    if not isinstance(link.alpha, Real):
        refuse(f"{place}.alpha", link.alpha, "seconds from 0", wrong)
