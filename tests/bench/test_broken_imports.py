"""Mutated files of every import format are read or refused in one line."""

import numpy as np
import pytest

from bench.broken_imports import mutate, samples, tried
from topologies.importers.registry import IMPORTERS


@pytest.mark.parametrize("form", IMPORTERS.names())
def test_no_mutated_file_ends_in_anything_but_a_machine_or_one_line(form, tmp_path):
    tally = tried(form, 60, 7, tmp_path)
    assert tally.faults == []
    assert tally.ended.total() == 60
    assert tally.ended["refused"] > 0


def test_mutations_change_files_and_come_again_from_their_seed():
    (data, *_) = samples("nccl")
    changed = {mutate(data, np.random.default_rng(seed)) for seed in range(50)}
    assert len(changed) > 40
    assert mutate(data, np.random.default_rng(3)) == mutate(data, np.random.default_rng(3))
