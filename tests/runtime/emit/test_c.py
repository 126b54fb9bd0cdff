"""The emitted C program compiles without a warning and holds nothing harmful."""

import subprocess
from dataclasses import replace

from runtime.emit.c import emit
from runtime.launch.mpi import _find_beside


def test_the_text_is_as_before(ring_of, relayed_of, golden):
    golden("ring_all_reduce_3.c", emit(ring_of("all_reduce", 3)))
    golden("relayed_all_to_all_2.c", emit(relayed_of("all_to_all", 2)))


def test_names_from_outside_cannot_leave_their_place(ring_of):
    schedule = ring_of("all_reduce", 2)
    bad = replace(schedule.topology, name='x"; */ int bad; \\\n#include "y')
    text = emit(replace(schedule, topology=bad))
    assert 'topology[] = "x_, __ int bad, ___include _y"'.replace(",", "_") in text


def test_it_compiles_without_a_warning(tree_of, relayed_of, ring_of, mpi, tmp_path):
    for number, schedule in enumerate(
        (tree_of("all_reduce", 5), relayed_of("scatter", 3), ring_of("all_gather", 1))
    ):
        source = tmp_path / f"{number}.c"
        source.write_text(emit(schedule))
        flags = ["-O2", "-Wall", "-Wextra", "-pedantic", "-std=c11", "-Werror"]
        command = [_find_beside("mpicc"), *flags, str(source), "-o", str(tmp_path / "a"), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
