"""What each operation of a plan does with data, as the kernels of the executor do it.

Where a kernel takes a list, the first part on either side is local and the rest remote or packets;
operations that cannot be carried out yet, for packets that are not there, change nothing.
"""

from collections.abc import Sequence

from runtime.foreign.errors import ForeignError
from runtime.foreign.mscclpp.machine import Action, Machine
from runtime.foreign.mscclpp.memory import Span, Words
from runtime.foreign.mscclpp.state import Block, Step, as_packets
from topologies.model.topology import IntArray


def _put(machine: Machine, block: Block, step: Step) -> bool:
    """Write local parts to remote ones, or the other way round."""
    ins, outs = block.spans(step, machine.run_of(block))
    _expect_alike(step, ins, outs)
    for source, target in zip(ins, outs, strict=True):
        machine.write(block, target, machine.read(block, source))
        machine.tell(block.gpu, [source], target)
    return True


def _sum(machine: Machine, block: Block, step: Step) -> bool:
    """Add all sources up and write the sum to every target."""
    ins, outs = block.spans(step, machine.run_of(block))
    _store(machine, block, ins, _added(machine, block, ins), outs)
    return True


def _added(machine: Machine, block: Block, spans: Sequence[Span]) -> Words:
    if len({span.end - span.start for span in spans}) > 1:
        raise ForeignError(f"{block.gpu}: parts of different sizes are added up")
    total = machine.read(block, spans[0])
    for span in spans[1:]:
        total += machine.read(block, span)
    return total


def _store(
    machine: Machine,
    block: Block,
    ins: Sequence[Span],
    values: Words,
    outs: Sequence[Span],
    over: IntArray | None = None,
) -> None:
    for target in outs:
        if target.end - target.start != len(values):
            raise ForeignError(f"gpu {block.gpu}: a part of another size is written")
        machine.write(block, target, values, over)
        machine.tell(block.gpu, ins, target)


def _scratch(span: Span) -> Span:
    if span.array != 1:
        raise ForeignError(f"gpu {span.gpu}: packets outside scratch")
    return span


def _write_packets(
    machine: Machine, block: Block, span: Span, values: Words, over: IntArray | None = None
) -> None:
    if span.end - span.start != len(values):
        raise ForeignError(f"gpu {span.gpu}: packets of another size are written")
    machine.write_packets(block, _scratch(span), values, over)


def _put_packets(machine: Machine, block: Block, step: Step) -> bool:
    """Write local parts as packets; over ports, packets of local scratch travel as they are."""
    ins, outs = block.spans(step, machine.run_of(block))
    _expect_alike(step, ins, outs)
    if step.op.channel_type == "port":
        return machine.ask_packets(block, list(zip(ins, outs, strict=True)))
    for source, target in zip(ins, outs, strict=True):
        _write_packets(machine, block, target, machine.read(block, source))
        machine.tell(block.gpu, [source], as_packets(target))
    return True


def _pass_packets(machine: Machine, block: Block, step: Step) -> bool:
    """Read packets of local scratch and write them on as packets."""
    ins, outs = block.spans(step, machine.run_of(block))
    if (found := machine.read_packets(block, [_scratch(ins[0])])) is None:
        return False
    if step.op.channel_type == "port":
        return machine.ask_packets(block, [(ins[0], target) for target in outs])
    for target in outs:
        _write_packets(machine, block, target, found[0][0], found[1])
        machine.tell(block.gpu, [as_packets(ins[0])], as_packets(target))
    return True


def _add_packets(machine: Machine, block: Block, step: Step) -> bool:
    """Add packets to a local part; write the sum, as packets too where there are more targets."""
    ins, outs = block.spans(step, machine.run_of(block))
    if (found := machine.read_packets(block, list(map(_scratch, ins[1:])))) is None:
        return False
    total = machine.read(block, ins[0])
    for values in found[0]:
        total += values
    seen = [ins[0], *map(as_packets, ins[1:])]
    _store(machine, block, seen, total, outs[:1], found[1])
    for target in outs[1:]:
        _write_packets(machine, block, target, total, found[1])
        machine.tell(block.gpu, seen, as_packets(target))
    return True


def _copy_packets(machine: Machine, block: Block, step: Step) -> bool:
    """Write a local part to local scratch as packets."""
    ins, outs = block.spans(step, machine.run_of(block))
    _write_packets(machine, block, outs[0], machine.read(block, ins[0]))
    machine.tell(block.gpu, ins[:1], as_packets(outs[0]))
    return True


def _unpack(machine: Machine, block: Block, step: Step) -> bool:
    """Read packets of local scratch into a local part."""
    ins, outs = block.spans(step, machine.run_of(block))
    if (found := machine.read_packets(block, [_scratch(ins[0])])) is None:
        return False
    _store(machine, block, [as_packets(ins[0])], found[0][0], outs[:1], found[1])
    return True


def _reduce_in_switch(machine: Machine, block: Block, step: Step) -> bool:
    """Let the switch add up a part of all ranks and store the sum at all."""
    ins, outs = (_everywhere(machine, block, step, side)[0] for side in (0, 1))
    _store(machine, block, ins, _added(machine, block, ins), outs)
    return True


def _store_in_switch(machine: Machine, block: Block, step: Step) -> bool:
    """Let the switch store a local part at all ranks."""
    ins, _ = block.spans(step, machine.run_of(block))
    outs = _everywhere(machine, block, step, 1)[0]
    _store(machine, block, ins[:1], machine.read(block, ins[0]), outs)
    return True


def _everywhere(
    machine: Machine, block: Block, step: Step, side: int
) -> tuple[list[Span], list[int]]:
    """Give the spans that a part of a switch channel stands for, one of each rank."""
    part = (step.op.src_buff, step.op.dst_buff)[side][0]
    own = block.parts.of(step.op, part, step.offset, step.unit, machine.run_of(block))
    ranks = block.parts.ranks(step.op, part)
    return [own._replace(gpu=rank) for rank in ranks], ranks


def _expect_alike(step: Step, ins: Sequence[Span], outs: Sequence[Span]) -> None:
    if [s.end - s.start for s in ins] != [s.end - s.start for s in outs]:
        raise ForeignError(f"{step.op.name}: what is read and what is written differ in size")


ACTIONS: dict[str, Action] = {
    **dict.fromkeys(("put", "get", "copy"), _put),
    **dict.fromkeys(("re", "res", "rre", "rres"), _sum),
    **dict.fromkeys(("repkt", "respkt", "recpkt", "recspkt"), _add_packets),
    "ppkt": _put_packets,
    "rppkt": _pass_packets,
    "cpkt": _copy_packets,
    "upkt": _unpack,
    "glres": _reduce_in_switch,
    "gstore": _store_in_switch,
}
