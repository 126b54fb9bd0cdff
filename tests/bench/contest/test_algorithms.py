import pytest

from bench.contest.algorithms import DEFAULT, algorithms
from bench.fabric_contest import SOURCE
from runtime.launch.mpi import compile_c
from runtime.launch.process import run_limited


@pytest.mark.parametrize("collective", ["all_gather", "all_reduce"])
@pytest.mark.parametrize(("kind", "prefix"), [("mpich", "MPIR_CVAR_"), ("openmpi", "OMPI_MCA_")])
def test_every_algorithm_is_chosen_by_variables_of_its_own(kind, prefix, collective):
    listed = algorithms(kind, collective)
    assert listed.pop(DEFAULT) == {}
    assert len({tuple(sorted(chosen.items())) for chosen in listed.values()}) == len(listed) > 8
    assert all(key.startswith(prefix) for chosen in listed.values() for key in chosen)


@pytest.mark.mpi
@pytest.mark.parametrize("collective", ["all_gather", "all_reduce"])
def test_the_loop_around_mpi_is_right_whatever_is_chosen(mpi, tmp_path, collective):
    compile_c(mpi, SOURCE, tmp_path / "stock")
    listed = algorithms(mpi.kind, collective)
    for name in (DEFAULT, "ring"):
        chosen = {**mpi.environment(60), **listed[name]}
        words = [
            *mpi.command_line(3),
            str(tmp_path / "stock"),
            collective,
            "3",
            "1",
            "4092",
            "65532",
        ]
        ended = run_limited(words, chosen, 60)
        assert ended.code == 0, ended.errors
        rows = [line.split() for line in ended.output]
        assert [(row[0], row[2]) for row in rows] == [("4092", "0"), ("65532", "0")]
        assert all(float(row[1]) > 0 for row in rows)


@pytest.mark.mpi
def test_the_loop_refuses_what_it_does_not_know(mpi, tmp_path):
    compile_c(mpi, SOURCE, tmp_path / "stock")
    words = [*mpi.command_line(2), str(tmp_path / "stock"), "scan", "3", "1", "4096"]
    assert run_limited(words, mpi.environment(60), 60).code != 0
