"""The page: all parts of a report in one file that needs no network."""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from commplan.drawing.chart import draw_times
from commplan.drawing.layout import Layout, arrange
from commplan.drawing.svg import HEAT, Shown, draw_svg
from commplan.report.bars import MOST as MOST_BARS
from commplan.report.bars import Bars, play_bars
from commplan.report.html import assemble, figures, table, text
from commplan.report.links import MOST as MOST_ROWS
from commplan.report.links import Row, binding_links, list_links, use_of_links
from commplan.report.times import LARGEST, Timed, play_sizes
from runtime.alone.own_scratch import needed_scratch
from runtime.metrics.height import height
from runtime.verify.verify import verify
from solvers.certify.text import certificate_text
from solvers.schedules.certificate import Cut
from solvers.schedules.schedule import Schedule
from solvers.schedules.text import heading, piece_text
from topologies.model.messages import printable
from topologies.model.units import Bytes, bytes_of, duration, rate

TREES = 64  # pieces that are shown
LINES = 200  # of a proof, or of a piece
PICTURED = 40_000  # links up to which both pictures are drawn


def make_page(schedule: Schedule, size: Bytes, of: str = "") -> str:
    """Write the report of a schedule.

    All names are escaped; the page forbids itself to load anything.

    Args:
        schedule: any that `verify` finds right.
        size: in bytes, of the timeline.
        of: the file that it stands in.

    Returns:
        one page in HTML.
    """
    machine, layout = schedule.topology, arrange(schedule.topology)
    title = heading(machine, schedule.collective)
    bars = play_bars(schedule, size)
    body = [
        *_head(schedule, title, of),
        *_proof(schedule, layout),
        *_times(play_sizes(schedule)),
        *_links(schedule, layout),
        *_timeline(bars, size),
        *_trees(schedule),
        *_sources(schedule),
    ]
    data = _data(schedule, layout, bars)
    return assemble(title, body, data)


def _head(schedule: Schedule, title: str, of: str) -> Iterator[str]:
    """Say what was planned, in a few figures."""
    report = verify(schedule)
    yield f"<header><h1>{text(title)}</h1>"
    if of:
        yield f"<p>What stands in <code>{text(of)}</code>.</p>"
    optimal = "nothing is faster: proved" if report.optimal else "not proved to be the fastest"
    told = [
        ("throughput", rate(report.algbw) if report.algbw else "nothing moves", optimal),
        ("bound", rate(schedule.bound.algbw), f"by {schedule.bound.scope}"),
        ("height", f"{height(schedule)}", "messages that wait for each other"),
        ("scratch", f"{float(needed_scratch(schedule)):.3g}", "of the size, at most, on a rank"),
        ("transfers", f"{len(schedule.transfers) * schedule.group.order:,}", "for each chunk"),
    ]
    yield from figures(told)
    yield "</header>"


def _proof(schedule: Schedule, layout: Layout) -> Iterator[str]:
    """Say in words why nothing is faster, and draw where."""
    certificate, machine = schedule.bound.certificate, schedule.topology
    yield "<section><h2>Why nothing is faster</h2>"
    if certificate is None:
        yield "<p>No bound was proved.</p></section>"
        return
    inside: frozenset[int] = frozenset()
    if isinstance(certificate, Cut):
        inside, way = _smaller_side(certificate, machine.vertices)
        yield (
            "<p>A cut binds. The ranks and switches drawn with a red edge have only the red links "
            f"for what must {way} them, whoever copies or adds it, and those links are slow.</p>"
        )
    else:
        yield (
            "<p>Link prices bind. Every way to do the job pays at least so much for each byte; "
            "what all links together can take in, divided by that, is the bound. The red links "
            "are those with a price above nothing.</p>"
        )
    shown = Shown(inside=inside, marked=binding_links(schedule))
    if machine.links <= PICTURED:
        yield f'<div class="wide">{draw_svg(machine, layout, shown)}</div>'
    proof = certificate_text(schedule, LINES)
    yield f"<details><summary>The arithmetic</summary><pre>{_text_lines(proof)}</pre></details>"
    yield "</section>"


def _smaller_side(cut: Cut, vertices: int) -> tuple[frozenset[int], str]:
    """Give the side of a cut with fewer vertices, and whether data must leave or enter it."""
    inside = frozenset(cut.inside.tolist())
    if 2 * len(inside) <= vertices:
        return inside, "enter" if cut.reversed_links else "leave"
    return frozenset(range(vertices)) - inside, "leave" if cut.reversed_links else "enter"


def _text_lines(lines: str) -> str:
    return "\n".join(text(line) for line in lines.split("\n"))


def _times(rows: Sequence[Timed]) -> Iterator[str]:
    """Show times over sizes."""
    yield "<section><h2>Times over sizes</h2>"
    if not rows:
        yield f"<p>None: nothing moves, or there are more than {LARGEST:,} ranks.</p></section>"
        return
    curves = {
        "bound": [(row.size, row.bound) for row in rows if row.bound],
        "schedule": [(row.size, row.predicted) for row in rows],
        "ring": [(row.size, row.ring) for row in rows if row.ring],
        "tree": [(row.size, row.tree) for row in rows if row.tree],
    }
    curves = {name: points for name, points in curves.items() if points}
    if len(rows) > 1:
        yield f'<div class="wide">{draw_times(curves)}</div>'
    head = ["size", "bound", "this schedule", "of the bound", "waits for"]
    beside = [name for name in ("ring", "tree") if name in curves]
    cells = []
    for row in rows:
        others = [getattr(row, name) for name in beside]
        part = f"{row.bound / row.predicted:.0%}" if row.predicted else "-"
        cells.append(
            [
                bytes_of(row.size),
                duration(row.bound),
                duration(row.predicted),
                part,
                row.binds,
                *(duration(other) if other else "-" for other in others),
            ]
        )
    yield from table([*head, *beside], cells, "times")
    yield "<p>Predicted; a schedule made for one size (<code>compile --size</code>) can be faster "
    yield "there.</p></section>"


def _links(schedule: Schedule, layout: Layout) -> Iterator[str]:
    """Show what each link carries."""
    yield "<section><h2>Links</h2>"
    if not schedule.topology.links:
        yield "<p>There are none.</p></section>"
        return
    yield '<p>The part of its bandwidth that each link uses at full throughput: <span class="heat">'
    yield "".join(f'<i style="background:{colour}"></i>' for colour in HEAT)
    yield "</span> 0 to 100 %.</p>"
    if schedule.topology.links <= PICTURED:
        used = Shown(use_of_links(schedule))
        picture = draw_svg(schedule.topology, layout, used)
        yield f'<div class="wide" id="machine">{picture}</div>'
    rows = list_links(schedule)
    shown = rows[:MOST_ROWS]
    yield from _search("links", len(shown))
    yield from table(
        ["link", "how many alike", "class", "bandwidth", "used", "binds"],
        (_link(row) for row in shown),
        "links",
    )
    if len(rows) > len(shown):
        yield f"<p>{len(rows) - len(shown):,} rows of links that are used less are left out.</p>"
    yield "</section>"


def _link(row: Row) -> list[object]:
    return [row.name, row.count, row.kind, row.bandwidth, f"{row.used:.1%}", "yes" * row.binds]


def _search(name: str, count: int) -> Iterator[str]:
    """Offer a field that leaves rows of a table out."""
    yield f'<label>Search <input type="search" data-table="{name}" placeholder="a name"></label> '
    yield f'<output data-count="{name}">{count:,} rows</output>'


def _timeline(bars: Bars | None, size: Bytes) -> Iterator[str]:
    """Offer a place for the timeline, or say why there is none."""
    yield "<section><h2>What happens when</h2>"
    if bars is None:
        yield (
            f"<p>No timeline: the schedule has more than {MOST_BARS:,} messages on links, or "
            "switches copy and add. <code>commplan simulate --trace</code> writes a larger one for "
            "Perfetto.</p></section>"
        )
        return
    yield (
        f"<p>The program of {text(bytes_of(size))} in {bars.chunks} "
        f"{'chunk' if bars.chunks == 1 else 'chunks'} of each piece, over in "
        f"{text(duration(bars.seconds))}. Turn the wheel or press + and - to look closer, drag or "
        "use the arrows to move, press 0 for all of it. A bar says whose message it is.</p>"
    )
    yield '<label>Show <select id="rows"><option value="links">links</option>'
    yield '<option value="sends">ranks that send</option>'
    yield '<option value="hears">ranks that hear</option></select></label> <output id="said">'
    yield '</output><canvas id="bars" tabindex="0" aria-label="timeline"></canvas></section>'


def _trees(schedule: Schedule) -> Iterator[str]:
    """Show the way of each piece."""
    yield "<section><h2>The way of each piece</h2>"
    alike = schedule.group.order
    if alike > 1:
        yield f"<p>Each piece shown stands for {alike:,} that a symmetry makes alike.</p>"
    for piece in range(min(schedule.pieces, TREES)):
        first, _, rest = piece_text(schedule, piece, LINES).partition("\n")
        yield f'<details data-piece="{piece}"><summary>{text(first)}</summary>'
        yield f"<pre>{_text_lines(rest)}</pre></details>"
    if schedule.pieces > TREES:
        yield f"<p>{schedule.pieces - TREES:,} more; <code>commplan show --all</code> has them.</p>"
    yield "</section>"


def _sources(schedule: Schedule) -> Iterator[str]:
    """Show what figures the plan is built on, and what made it."""
    machine = schedule.topology
    yield "<section><h2>What it is built on</h2>"
    present = np.bincount(machine.link_class, minlength=len(machine.classes))
    yield from table(
        ["class of links", "how many", "evidence", "source"],
        (
            [each.name, f"{n:,}", each.evidence or "not stated", each.source or "no source"]
            for each, n in zip(machine.classes, present.tolist(), strict=True)
        ),
        "classes",
    )
    yield from table(["made by", ""], sorted(schedule.provenance.items()), "provenance")
    yield (
        "<p>The bound speaks of throughput on the machine as described. Times are predictions: "
        "latency, bandwidth, and messages that queue at links.</p></section>"
    )


def _data(schedule: Schedule, layout: Layout, bars: Bars | None) -> str:
    """Write what the script needs as JSON that cannot end its element."""
    machine = schedule.topology
    found: dict[str, object] = {"names": [printable(name) for name in machine.names]}
    found["at"] = np.round(layout.at, 1).tolist()
    found["ways"] = _ways(schedule)
    if bars is not None:
        found["bars"] = {
            "rows": [printable(row) for row in bars.rows],
            "ranks": sum(row.endswith(" sends") for row in bars.rows),
            "seconds": bars.seconds,
            "row": bars.row,
            "begin": [float(f"{each:.7g}") for each in bars.begin],
            "end": [float(f"{each:.7g}") for each in bars.end],
            "src": bars.src,
            "dst": bars.dst,
        }
    text = json.dumps(found, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _ways(schedule: Schedule) -> list[list[list[int]]]:
    """List the vertices that each transfer of a shown piece passes."""
    rows, machine = schedule.transfers, schedule.topology
    found: list[list[list[int]]] = [[] for _ in range(min(schedule.pieces, TREES))]
    for t in np.flatnonzero(rows.piece < TREES).tolist():
        transfer = rows[t]
        ends = [transfer.src, *(int(machine.dst[link]) for link in transfer.route)]
        found[transfer.piece].append(ends)
    return found
