"""The whole schedule from its representatives."""

import numpy as np
import pytest

from bench.zoo import zoo
from runtime.verify.verify import verify
from solvers.schedules.unfold import rows_of, unfold
from topologies.symmetry.group import link_images

ZOO = dict(zoo())
FOLDED = {name: made for name, made in ZOO.items() if made.group.order > 1}


def every(transfers):
    return [transfers[t] for t in range(len(transfers))]


@pytest.mark.parametrize("name", FOLDED)
def test_every_image_of_every_transfer_is_written_out_once(name):
    made = FOLDED[name]
    whole, elements = unfold(made), made.group.elements
    images = link_images(made.topology, elements)
    expected = [
        t._replace(
            piece=t.piece * len(elements) + g,
            src=int(element[t.src]),
            dst=int(element[t.dst]),
            route=tuple(image[list(t.route)].tolist()),
        )
        for t in every(made.transfers)
        for g, (element, image) in enumerate(zip(elements, images, strict=True))
    ]
    assert sorted(every(whole.transfers)) == sorted(expected)
    assert every(whole.transfers) == sorted(every(whole.transfers), key=lambda t: t[:2])


@pytest.mark.parametrize("name", FOLDED)
def test_shares_of_each_block_add_up_to_one(name):
    whole = unfold(FOLDED[name])
    total = np.zeros(whole.collective.blocks, dtype=object)
    np.add.at(total, whole.block, np.array(whole.share, dtype=object))
    assert (total == 1).all()


@pytest.mark.parametrize("name", FOLDED)
def test_the_whole_schedule_is_as_right_and_as_fast_as_its_representatives(name):
    folded, whole = verify(FOLDED[name]), verify(unfold(FOLDED[name]))
    assert whole.correct
    assert (whole.algbw, whole.height) == (folded.algbw, folded.height)


def test_a_schedule_without_symmetry_is_itself():
    made = ZOO["cube doubles"]
    assert unfold(made) is made


@pytest.mark.parametrize("name", FOLDED)
def test_the_rows_of_a_rank_are_what_all_images_have_of_it(name):
    made = FOLDED[name]
    rows, group = made.transfers, made.group
    whole = unfold(made).transfers
    for rank in range(min(made.topology.ranks, 4)):
        row, element = rows_of(made, rank)
        src, dst = (group.images(element, end[row]) for end in (rows.src, rows.dst))
        found = zip(rows.piece[row] * group.order + element, rows.step[row], src, dst, strict=True)
        mine = [(t.piece, t.step, t.src, t.dst) for t in every(whole) if rank in (t.src, t.dst)]
        assert sorted(found) == sorted(mine)
