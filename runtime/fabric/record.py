"""What is known of the emulated machine that is up: a folder of the user's own."""

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from runtime.fabric.keeper import Keeper
from runtime.fabric.layout import FabricError, Layout, layout
from runtime.fabric.rates import CableRate
from topologies.formats import atomic, files
from topologies.model.topology import TopologyError

VARIABLE = "COMMPLAN_FABRIC"
LIMIT = 10_000_000  # bytes
KEEPER, TOPOLOGY, RATES = "keeper.json", "topology.json", "rates.json"

ABLE = ("delayed", "answering")  # what the kernel knows, by the words of a layout


def folder() -> Path:
    """Name the folder: COMMPLAN_FABRIC, or one for this user among the temporary files."""
    named = os.environ.get(VARIABLE)
    return Path(named or Path(tempfile.gettempdir()) / f"commplan-fabric-{os.getuid()}")


def make() -> Path:
    """Make the folder, for this user alone.

    Raises:
        FabricError: it cannot be made, or is somebody else's.
    """
    place = folder()
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
    except OSError as error:
        raise FabricError(f"{place}: {(error.strerror or str(error)).lower()}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise FabricError(f"{place}: not a folder of this user")
    return place


def write(place: Path, keeper: Keeper, made: Layout, rates: Sequence[CableRate] = ()) -> None:
    """Write down what is up, its process first: whoever comes next can take it down."""
    state: dict[str, object] = asdict(keeper) | {"scale": str(made.scale)}
    state |= {word: getattr(made, word) for word in ABLE}
    atomic.write(place / KEEPER, json.dumps(state))
    files.save(made.original, place / TOPOLOGY)
    atomic.write(place / RATES, json.dumps([asdict(rate) for rate in rates]))


def keeper() -> Keeper | None:
    """Look up the process of the emulated machine that is up, None where none is."""
    state = _state()
    found = None if state is None else _keeper(state)
    return found if found is not None and found.alive else None


def read() -> tuple[Layout, list[CableRate]]:
    """Read what is up.

    Raises:
        FabricError: nothing is, or what is written down cannot be read.
    """
    place, state = folder(), _state()
    if state is None:
        raise FabricError("no emulated machine is up: commplan fabric up TOPOLOGY makes one")
    try:
        able = {word: state[word] is True for word in ABLE}
        made = layout(files.load(place / TOPOLOGY), Fraction(str(state["scale"])), **able)
        rates = [CableRate(**row) for row in json.loads(atomic.read(place / RATES, LIMIT))]
    except (OSError, ValueError, TypeError, KeyError, TopologyError) as error:
        raise FabricError(f"{place}: cannot be read: {error}") from None
    return made, rates


def remove() -> None:
    """Forget the machine."""
    place = folder()
    if place.is_dir() and not place.is_symlink() and place.stat().st_uid == os.getuid():
        for name in (KEEPER, TOPOLOGY, RATES):
            (place / name).unlink(missing_ok=True)
        shutil.rmtree(place / "programs", ignore_errors=True)


def _state() -> dict[str, object] | None:
    try:
        found = json.loads(atomic.read(folder() / KEEPER, LIMIT))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _keeper(state: dict[str, object]) -> Keeper | None:
    pid, born, privileged = (state.get(name) for name in ("pid", "born", "privileged"))
    if isinstance(pid, int) and isinstance(born, str) and isinstance(privileged, bool):
        return Keeper(pid, born, privileged)
    return None
