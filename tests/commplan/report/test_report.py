"""A report is one page that says what the schedule is, does no harm, and works in a browser."""

import json
import re
import shutil
import subprocess
from fractions import Fraction
from html.parser import HTMLParser
from itertools import pairwise

import pytest

import commplan
from commplan.drawing.chart import draw_times
from commplan.report.bars import play_bars
from commplan.report.links import binding_links, list_links, use_of_links
from commplan.report.page import make_page
from commplan.report.times import play_sizes
from runtime.simulate.simulate import simulate
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, build

VOID = {"meta", "input", "br", "path", "rect", "circle", "line", "polyline"}


def schedule_of(name, what, **asked):
    machine = topology(name) if isinstance(name, str) else name
    return commplan.plan(machine, commplan.collective(what, range(machine.ranks)), **asked).schedule


class Balanced(HTMLParser):
    """What refuses a page whose elements are not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.scripts = [], 0

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("ring:1", "all_gather"),
        ("ring:2", "broadcast"),
        ("star:3", "all_reduce"),
        ("torus:2x3", "all_to_all"),
        ("dgx-h100:boxes=2", "all_gather"),
        ("irregular:seed=2", "reduce_scatter"),
    ],
)
def test_a_page_is_whole_and_refers_to_nothing_outside(name, what):
    page = make_page(schedule_of(name, what), 2**16)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert parser.scripts == 2
    assert "src=" not in page
    before = page.split("<h2>What it is built on")[0]  # sources name pages of others
    assert not re.search(r"href|url\(|@import|https?://(?!www\.w3\.org)", before)
    assert f" on {topology(name).name}, " in page


def test_links_are_used_as_the_loads_say_and_bind_as_the_certificate_does():
    schedule = schedule_of("star:3", "all_gather")
    rows = list_links(schedule)
    assert [row.count for row in rows] == [1] * 6
    assert sorted(round(float(each), 9) for each in use_of_links(schedule)) == [1.0] * 6
    assert [row.used for row in rows] == sorted((row.used for row in rows), reverse=True)
    assert all(row.used == pytest.approx(1) for row in rows if row.binds)
    assert binding_links(schedule).sum() > 0


def test_bars_end_when_the_program_does_and_lie_apart_on_a_link():
    schedule = schedule_of("dgx-a100", "all_gather")
    bars = play_bars(schedule, 2**20)
    assert max(bars.end) <= bars.seconds * (1 + 1e-9)
    found = simulate(schedule, 2**20, chunks=bars.chunks)
    assert bars.seconds == pytest.approx(found.seconds, rel=0.05)
    links = 2 * len(schedule.collective.ranks)
    for k in range(1, len(bars.row)):
        assert bars.row[k - 1] <= bars.row[k]
        if bars.row[k - 1] == bars.row[k] >= links:
            assert bars.begin[k] >= bars.end[k - 1] * (1 - 1e-9)


def test_a_timeline_with_too_many_bars_is_left_out():
    schedule = schedule_of("dgx-a100", "all_gather")
    assert play_bars(schedule, 2**20, most=100) is None
    assert play_bars(schedule, 2**20, most=400).chunks == 1


def test_a_large_machine_is_reported_in_part(monkeypatch):
    monkeypatch.setattr("commplan.report.times.LARGEST", 5)
    monkeypatch.setattr("commplan.report.page.MOST_ROWS", 4)
    page = make_page(schedule_of("torus:2x3", "all_gather"), 2**16)
    assert "None: nothing moves, or there are more than" in page
    [left] = re.findall(r"(\d+) rows of links that are used less", page)
    links = page.partition('<table id="links">')[2].partition("</tbody>")[0]
    assert links.count("<tr>") - 1 == 4 == topology("torus:2x3").links - int(left)


def test_times_are_those_of_the_simulator_and_above_the_bound():
    schedule = schedule_of("torus:2x3", "all_reduce")
    for row in play_sizes(schedule):
        assert row.predicted == simulate(schedule, row.size).seconds
        assert row.bound <= row.predicted * (1 + 1e-9)
        assert row.ring >= row.bound * (1 - 1e-9)


def test_names_of_curves_do_not_lie_on_each_other():
    picture = draw_times({name: [(2**10, 1e-6), (2**20, 1e-3)] for name in ("a", "b", "c")})
    ends = [float(y) for y in re.findall(r'<text x="536" y="([\d.]+)"', picture)]
    assert len(ends) == 3
    assert min(b - a for a, b in pairwise(ends)) >= 13


def test_names_do_no_harm():
    evil = "</script><script>alert(1)</script>"
    links = [Link(f"{evil}{i}", 's"&', Fraction(10**9), duplex=True) for i in range(3)]
    machine = build("<b>", [f"{evil}{i}" for i in range(3)], [Switch('s"&')], links)
    page = make_page(schedule_of(machine, "all_gather"), 2**16, of="<i>.json")
    parser = Balanced()
    parser.feed(page)
    assert parser.scripts == 2
    assert f"{evil}1" in data_of(page)["names"]


def test_it_is_written_from_the_command_line(call, tmp_path):
    assert call("compile", "star:3", "all_gather", "-o", "plan.json").exit_code == 0
    result = call("report", "plan.json", "-o", "plan.html")
    expected = "all_gather on star:3, 3 ranks: report written to plan.html\n"
    assert (result.exit_code, result.stdout) == (0, expected)
    assert "plan.json" in (tmp_path / "plan.html").read_text()
    assert call("report", "plan.json", "-o", "plan.txt").exit_code == 2
    assert call("report", "none.json", "-o", "plan.html").exit_code == 2


PROBE = """<script>{
const field = document.querySelector("input[data-table=links]");
field.value = "r0"; field.dispatchEvent(new Event("input"));
const left = [...document.querySelectorAll("#links tbody tr")].filter((row) => !row.hidden).length;
const piece = document.querySelector("details[data-piece]");
piece.open = true;
const canvas = document.getElementById("bars");
const key = (name) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key: name }));
const picture = () => canvas.toDataURL();
setTimeout(() => {
  const ways = document.querySelectorAll(".way").length, before = picture();
  key("+");
  setTimeout(() => {
    const zoomed = picture() !== before;
    key("0");
    setTimeout(() => {
      const back = picture() === before;
      document.body.dataset.probe = [left, ways, zoomed, back, errors.length].join(" ");
    }, 100);
  }, 100);
}, 100);
}</script>"""
HEAR = """<script>
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
requestAnimationFrame = (paint) => setTimeout(paint, 0); // no frames where nobody looks
</script>"""


def test_it_works_in_a_browser(tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("there is no chromium here")
    page = make_page(schedule_of("star:3", "all_gather"), 2**16)
    page = page.replace("<main>", HEAR + "<main>", 1).replace("</body>", PROBE + "</body>")
    file = tmp_path / "probed.html"
    file.write_text(page, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    options += [f"--user-data-dir={tmp_path / 'user'}", "--virtual-time-budget=5000", "--dump-dom"]
    ended = subprocess.run(
        [browser, *options, file.as_uri()], capture_output=True, text=True, timeout=120
    )
    [told] = re.findall(r'data-probe="([^"]*)"', ended.stdout)
    assert told == "2 2 true true 0"
