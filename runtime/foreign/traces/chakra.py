"""MLCommons Chakra execution traces: protobuf messages, each behind its length, a file a rank.

Written and read by hand: six kinds of fields need no generated code, and the bytes are always the
same. Field numbers are those of `et_def.proto` of version 1.0.0.
"""

from collections.abc import Iterator

from runtime.foreign.errors import ForeignError
from runtime.foreign.traces.trace import MOST_NODES, Kind, Node

VERSION = "0.0.4"  # of the schema, as Chakra's own converters write it
TYPES = {Kind.WORK: 4, Kind.SEND: 5, Kind.RECEIVE: 6}
COLLECTIVE = 7
NAMES = {Kind.WORK: "work", Kind.SEND: "send", Kind.RECEIVE: "recv"}
_VARINT, _BYTES = 0, 2
_ID, _NAME, _TYPE, _CTRL, _DATA, _MICROS, _ATTR = 1, 2, 3, 4, 5, 7, 10
_INT32, _INT64, _BOOL = 7, 9, 27  # of attributes


def encode(rank: int, nodes: tuple[Node, ...]) -> bytes:
    """Write the trace of one rank, without `follows`: Chakra has no dependence on a start."""
    parts = [_delimited(_field(1, VERSION.encode()))]
    parts += [_delimited(_node(rank, number, node)) for number, node in enumerate(nodes)]
    return b"".join(parts)


def collective_node(kind: int, size: int) -> bytes:
    """Write the trace of a rank that calls one collective of so many bytes.

    Args:
        kind: CollectiveCommType, 0 for all_reduce and so on.
        size: of the collective.
    """
    attributes = [("is_cpu_op", _BOOL, 0), ("comm_type", _INT64, kind), ("comm_size", _INT64, size)]
    node = _field(_NAME, b"collective") + _number(_TYPE, COLLECTIVE)
    node += b"".join(_attribute(*each) for each in attributes)
    return _delimited(_field(1, VERSION.encode())) + _delimited(node)


def _node(rank: int, number: int, node: Node) -> bytes:
    made = _number(_ID, number) if number else b""
    made += _field(_NAME, f"{NAMES[node.kind]} {number}".encode())
    made += _number(_TYPE, TYPES[node.kind])
    if node.requires:
        made += _field(_DATA, b"".join(map(_varint, node.requires)))
    if node.kind == Kind.WORK:
        micros = -(-node.nanoseconds // 1000)
        made += _number(_MICROS, micros) if micros else b""
        return made + _attribute("is_cpu_op", _BOOL, 0)
    ends = (rank, node.peer) if node.kind == Kind.SEND else (node.peer, rank)
    for name, kind, value in (
        ("is_cpu_op", _BOOL, 0),
        ("comm_src", _INT32, ends[0]),
        ("comm_dst", _INT32, ends[1]),
        ("comm_tag", _INT32, node.tag),
        ("comm_size", _INT64, node.size),
    ):
        made += _attribute(name, kind, value)
    return made


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _delimited(content: bytes) -> bytes:
    return _varint(len(content)) + content


def _attribute(name: str, kind: int, value: int) -> bytes:
    return _field(_ATTR, _field(1, name.encode()) + _number(kind, value))


def decode(rank: int, data: bytes) -> tuple[Node, ...]:
    """Read the trace of one rank; nodes are put in the order of their numbers.

    Raises:
        ForeignError: it is damaged, or a node of a kind or of ends that make no sense here.
    """
    messages = _messages(data)
    if next(messages, None) is None:
        raise ForeignError("no Chakra trace: empty")
    found: dict[int, tuple[Node, tuple[int, ...]]] = {}
    for message in messages:
        number, node = _read_node(rank, message)
        if number in found:
            raise ForeignError(f"node {number} is there twice")
        found[number] = node, node.requires
        if len(found) > MOST_NODES:
            raise ForeignError(f"more than {MOST_NODES} nodes")
    order = {number: place for place, number in enumerate(sorted(found))}
    nodes = []
    for number in sorted(found):
        node, needs = found[number]
        if not set(needs) <= set(order):
            raise ForeignError(f"node {number} depends on a node that there is not")
        places = tuple(order[need] for need in needs)
        nodes.append(Node(node.kind, node.peer, node.size, node.tag, places, (), node.nanoseconds))
    return tuple(nodes)


def _messages(data: bytes) -> Iterator[bytes]:
    """Cut a file into its messages."""
    at = 0
    while at < len(data):
        size, at = _read_varint(data, at)
        if at + size > len(data):
            raise ForeignError("no Chakra trace: a message ends behind the file")
        yield data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ForeignError("no Chakra trace: a number does not end")
        value |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """List the fields of a message: numbers, and what has a length."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield key >> 3, value
        elif kind in (_BYTES, 1, 5):
            size, at = _read_varint(data, at) if kind == _BYTES else ({1: 8, 5: 4}[kind], at)
            if at + size > len(data):
                raise ForeignError("no Chakra trace: a field ends behind its message")
            yield key >> 3, data[at : at + size]
            at += size
        else:
            raise ForeignError(f"no Chakra trace: a field of wire type {kind}")


def _read_node(rank: int, message: bytes) -> tuple[int, Node]:
    number = kind = micros = 0
    needs: list[int] = []
    attributes: dict[str, int] = {}
    for field, value in _fields(message):
        if field in (_CTRL, _DATA):
            needs += _numbers(value)
        elif field == _ATTR and isinstance(value, bytes):
            attributes |= dict([_read_attribute(value)])
        elif isinstance(value, int):
            number = value if field == _ID else number
            kind = value if field == _TYPE else kind
            micros = value if field == _MICROS else micros
    known = {value: key for key, value in TYPES.items()}
    if kind not in known:
        raise ForeignError(f"node {number}: type {kind}, expected {sorted(known)}")
    if known[kind] == Kind.WORK:
        return number, Node(Kind.WORK, requires=tuple(needs), nanoseconds=micros * 1000)
    missing = [key for key in ("comm_src", "comm_dst", "comm_size") if key not in attributes]
    if missing:
        raise ForeignError(f"node {number}: no {missing[0]}")
    ends = attributes["comm_src"], attributes["comm_dst"]
    own, peer = ends if known[kind] == Kind.SEND else ends[::-1]
    if own != rank:
        raise ForeignError(f"node {number}: a message of rank {own} in the trace of rank {rank}")
    tag = attributes.get("comm_tag", 0)
    return number, Node(known[kind], peer, attributes["comm_size"], tag, tuple(needs))


def _numbers(value: int | bytes) -> list[int]:
    """Read repeated numbers, packed or not."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        each, at = _read_varint(value, at)
        found.append(each)
    return found


def _read_attribute(data: bytes) -> tuple[str, int]:
    """Read the name of an attribute and its number; 0 where it is something else."""
    name, number = "", 0
    for field, value in _fields(data):
        if field == 1 and isinstance(value, bytes):
            name = value[:100].decode("utf-8", "replace")
        elif isinstance(value, int):
            number = value
    return name, number
