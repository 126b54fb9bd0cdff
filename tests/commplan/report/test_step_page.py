"""The page of a job's plan: its step, and the timetable of its pipeline."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from commplan.report.step_page import PlannedRow, make_step_page, shown_of, timetable
from solvers.jobs.layout import world
from solvers.jobs.reading import load
from solvers.placement.judge import Judge
from solvers.steps.step import step
from topologies.formats.spec import topology

LAYOUT = ("layout.dp=2", "layout.ep=4", "layout.pp=4", "batch.sequences=64")


def page(*changes):
    job = load("qwen3-235b", [*LAYOUT, *changes])
    judged = Judge(topology("dgx-h100:boxes=2"), job).judge(np.arange(16))
    row = PlannedRow("tp-0", "all_gather", 8, 2**20, 1e-5, None, optimal=True)
    made = step(job, judged, world(job.layout))
    return job, made, make_step_page(job, "a <machine>", judged, made, [row])


def test_the_pictures_are_whole_and_names_are_escaped():
    job, made, text = page()
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(pictures) == 2
    bars, gantt = (ElementTree.fromstring(each) for each in pictures)
    slots = timetable(job, made, shown_of(job))
    assert len(gantt.findall("rect")) == len(slots)
    assert len(bars.findall("rect")) == 2 * sum(1 for each in made.exposed.values() if each) + 4
    assert "a &lt;machine&gt;" in text
    assert "<script" not in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("compute.schedule=dualpipe", "12 of 32 microbatches, dualpipe"),
        ("layout.virtual=1", "12 of 32 microbatches"),
    ],
)
def test_what_is_drawn_is_told(change, said):
    assert said in page(change)[2]
