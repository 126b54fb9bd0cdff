"""Files of others, by what they begin with, as schedules of a machine."""

from codecs import BOM_UTF8
from dataclasses import dataclass

from runtime.foreign import forestcoll, msccl, own_text, teccl
from runtime.foreign.errors import ForeignError
from runtime.foreign.moved import in_steps
from runtime.foreign.mscclpp import moves as mscclpp
from runtime.foreign.mscclpp.plan import decode
from runtime.foreign.sends import Send, schedule_from
from solvers.schedules.collective import CollectiveError
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from topologies.formats import atomic, contents
from topologies.importers.texts.xml_text import begins_with
from topologies.model.errors import ArgumentError
from topologies.model.messages import one_line
from topologies.model.topology import Topology

SIZE_LIMIT = 64 * 10**6  # bytes
OURS = (contents.SCHEDULE, contents.SCHEDULES, contents.TOGETHER)
WANTED = (
    "MSCCL XML, an MSCCL++ plan, an output of TE-CCL or ForestColl, or lines as "
    "'src -> dst: piece step'"
)


@dataclass(frozen=True)
class Sends:
    """What a file says: the format, the collective with its root and ranks, and the sends.

    Attributes:
        members: the ranks that take part, where others only pass on; all of them if empty.
    """

    form: str
    collective: str
    ranks: int
    root: int | None
    sends: list[Send]
    members: tuple[int, ...] = ()


def load_foreign(path: atomic.Name, topology: Topology, name: str | None = None) -> Schedule:
    """Read a schedule of another tool for a machine; whether it is right is up to `verify`.

    Rank i of the file is rank i of the machine. MSCCL XML and MSCCL++ plans are executed, and what
    they do wrong is told as it would show there.

    Args:
        path: of MSCCL XML, an MSCCL++ plan, outputs of TE-CCL or ForestColl, or one's own text.
        topology: the machine.
        name: of the collective, where a text does not say it.

    Raises:
        ForeignError: one line, with the file: it cannot be read, is wrong, or is for another
            number of ranks.
    """
    try:
        found = _read(atomic.read(path, SIZE_LIMIT), topology, name)
        if found.ranks > topology.ranks:
            raise ForeignError(f"{found.ranks} ranks, and {topology.name} has {topology.ranks}")
        members = found.members or range(found.ranks)
        what = collective(found.collective, members, found.root)
        return schedule_from(found.sends, topology, what, name=found.form)
    except OSError as error:
        fault = (error.strerror or str(error)).lower()
    except (ValueError, CollectiveError, ArgumentError) as error:
        fault = str(error)
    raise ForeignError(one_line(f"{path}: {fault}"))


def _read(data: bytes, topology: Topology, name: str | None) -> Sends:
    """Find out what a file is, and read it.

    Raises:
        ForeignError: it is none of those that are known.
    """
    found = contents.kind(data)
    if found in OURS:
        raise ForeignError(f"{found} of commplan already, which verify and simulate take as it is")
    if found == contents.TOPOLOGY:
        raise ForeignError(f"found {found}, expected {WANTED}")
    data = data.removeprefix(BOM_UTF8)  # some editors write it
    head = data[:4096].lstrip()
    if head.startswith(b"{"):
        return _json(data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ForeignError(f"no text in UTF-8: found {found}, expected {WANTED}") from None
    if begins_with(text, "algo"):
        return _msccl(text)
    if begins_with(text, "Algo"):
        ranks, sends = forestcoll.read(text)
        return Sends("ForestColl", "all_gather", ranks, None, sends)
    if own_text.looks_alike(text):
        names = {each: rank for rank, each in enumerate(topology.names[: topology.ranks])}
        said, root, sends = own_text.read(text, names)
        if said is None and name is None:
            raise ForeignError("which collective? a line 'collective NAME', or --collective")
        return Sends("text", said or name or "", topology.ranks, root, sends)
    raise ForeignError(f"found {found}, expected {WANTED}")


def _json(data: bytes) -> Sends:
    if b'"7-Flows"' in data:
        read = teccl.read(data)
        sends = in_steps(read.moves)
        return Sends("TE-CCL", read.name, read.ranks, read.root, sends, read.members)
    layout, moves = mscclpp.read(decode(data))
    return Sends("MSCCL++", layout.name, layout.ranks, layout.root, in_steps(moves))


def _msccl(text: str) -> Sends:
    """Run an algorithm, with each root that it may have.

    Raises:
        ForeignError: it stands still, or leaves outputs wrong.
    """
    why = ""
    for root in _roots(text):
        algorithm = msccl.read(text, root)
        machine = msccl.Machine(algorithm)
        try:
            machine.run()
        except ForeignError as error:
            why = why or str(error)
            continue
        found = machine.faults()
        if not found:
            made = algorithm.layout
            return Sends("MSCCL", made.name, made.ranks, root, in_steps(machine.moves))
        why = why or found[0]
    raise ForeignError(f"wrong: {why}")


def _roots(text: str) -> list[int | None]:
    first = msccl.read(text, 0).layout
    return list(range(first.ranks)) if first.name in ("broadcast", "reduce") else [None]
