from fractions import Fraction

from runtime.fabric.commands import BARE, HEADERS, route_commands, setup_commands
from runtime.fabric.layout import layout
from runtime.fabric.routes import next_hops
from topologies.presets.shapes import line, ring, star

SCALE = Fraction(1, 1000)


def lines(commands):
    return [(" ".join(c.words[:4]), line) for c in commands for line in c.text.splitlines()]


def test_two_ranks_on_a_switch_become_four_networks():
    machine = star(2)
    made = layout(machine, SCALE)
    found = lines(setup_commands(made, next_hops(machine)))
    texts = [line for _, line in found]
    assert [line for line in texts if line.startswith("netns")] == [
        *("netns add control", "netns add v0", "netns add v1", "netns add v2"),
    ]
    assert "link add l2 type veth peer name l0 netns v2" in texts
    assert "route add 10.77.0.2/32 via 10.77.0.3 dev l2 onlink src 10.77.0.1" in texts
    shaped = [line for line in texts if line.startswith("tc ")]
    rate = float(machine.bandwidth[0]) / 1000 * HEADERS * 8
    assert len(shaped) == machine.links
    assert all(f" rate {rate:.0f}bit " in line for line in shaped)


def test_a_way_that_no_link_goes_is_not_shaped():
    machine = layout(ring(3), SCALE)
    shaped = [
        line
        for _, line in lines(setup_commands(machine, next_hops(machine.topology)))
        if "tbf" in line
    ]
    assert len(shaped) == 6


def test_rules_send_a_pair_another_way_and_are_taken_back():
    made = layout(line(4), SCALE)
    add = lines(route_commands(made, {(0, 2): (0, 1, 2)}))
    assert add == [
        ("ip -n v0 -batch", "rule add iif lo to 10.77.0.3 lookup 1001"),
        ("ip -n v1 -batch", "rule add from 10.77.0.1 to 10.77.0.3 lookup 1002"),
    ]
    back = lines(route_commands(made, {(0, 2): (0, 1, 2)}, add=False))
    assert [text.replace("del", "add") for _, text in back] == [text for _, text in add]


def test_cables_get_the_latency_of_the_topology_where_the_kernel_can():
    machine = ring(3, alpha=3e-6)
    made = layout(machine, SCALE, delayed=True)
    shaped = [
        text for _, text in lines(setup_commands(made, next_hops(machine))) if "qdisc" in text
    ]
    assert [cable.late for cable in made.cables] == [(3e-6, 3e-6)] * 3
    assert len(shaped) == 2 * machine.links
    assert all(" root handle 1: netem delay 3000ns " in text for text in shaped[::2])
    assert all(" parent 1:1 " in text and " tbf rate " in text for text in shaped[1::2])


def test_acknowledgements_pass_data_where_the_kernel_can():
    made = layout(ring(3), SCALE, answering=True)
    shaped = [text for _, text in lines(setup_commands(made, next_hops(made.topology)))]
    assert sum(" root handle 2: tbf " in text for text in shaped) == 6
    assert sum(" parent 2:1 handle 3: htb default 2" in text for text in shaped) == 6
    first = [text for text in shaped if text.startswith("tc filter ")]
    assert len(first) == 6 * len(BARE)
    assert all(text.endswith(" flowid 3:1") for text in first)
    # A whole packet is headers: 20 bytes of IP, and TCP's length in the upper half of a byte.
    for size in BARE:
        assert any(
            f" match u16 {size} 0xffff at 2 match u8 {(size - 20) // 4 << 4} 0xf0 at 32 " in text
            for text in first
        )
