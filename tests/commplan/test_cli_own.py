"""A collective of one's own, from a file: planned by its shape, run, and what is refused."""

from pathlib import Path

import pytest


def written(*blocks, name="own"):
    """Write (size, holders, wanters) of blocks to a file."""
    text = f'name = "{name}"\n'
    for size, holders, wanters in blocks:
        text += f"[[block]]\nsize = {size}\nholders = {holders}\nwanters = {wanters}\n"
    Path("own.toml").write_text(text, encoding="utf-8")


ALL = [0, 1, 2, 3]
OWN = {
    "halo": [(2, [0], [1]), (1, [1], [0]), (1, [1], [0, 2][1:]), (3, [2], [3])],
    "two for all": [(3, [1], ALL), (1, [1], [0, 2, 3]), (2, [3], ALL)],
    "sums": [(1, ALL, [2]), (4, ALL, [2]), (2, ALL, [0])],
    "from one": [(1, [2], [0]), (2, [2], [0]), (3, [2], [3]), (1, [2], [2])],
    "to one": [(1, [0], [3]), (2, [1], [3]), (3, [1], [3])],
}
SOLVERS = {
    "halo": "all_to_allv",
    "two for all": "forest",
    "sums": "forest",
    "from one": "scatter",
    "to one": "scatter",
}


@pytest.mark.parametrize("which", OWN)
def test_the_shape_decides_how_it_is_solved_and_it_is_optimal(ask, which):
    written(*OWN[which])
    made = ask("compile", "ring:4", "file:own.toml", "-o", "own.json")
    assert (made["optimal"], made["solver"]) == (True, SOLVERS[which])
    assert made["bound_exact"] == ask("bound", "ring:4", "file:own.toml")["algbw_exact"]
    told = ask("verify", "own.json")
    assert (told["correct"], told["optimal"]) == (True, True)


def test_a_sum_for_all_is_an_all_reduce(ask):
    written((5, ALL, ALL))
    made = ask("compile", "ring:4", "file:own.toml", "-o", "own.json")
    plain = ask("bound", "ring:4", "all_reduce")
    assert (made["optimal"], made["algbw_exact"]) == (True, plain["algbw_exact"])


@pytest.mark.mpi
@pytest.mark.parametrize("which", ["two for all", "sums", "halo"])
def test_it_runs(ask, mpi, which):
    written(*OWN[which], name="mine")
    ask("compile", "ring:4", "file:own.toml", "-o", "own.json", "--size", "6000")
    ran = ask("run", "own.json", "--size", "6000", "--target", "c")
    assert (ran["wrong"], ran["ranks"]) == (0, 4)


def test_a_shape_that_nothing_solves_is_told(call):
    written((1, [0], [1, 2]), (1, [1], [0]))
    answer = call("compile", "ring:4", "file:own.toml", "-o", "own.json")
    assert answer.exit_code == 1
    words = "commplan: own: no solver is known for its shape: from one rank to one or several\n"
    assert answer.stderr == words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found an empty file, expected a collective: TOML with tables [[block]]"),
        ("[]", "found a JSON list, expected a collective"),
        ('name = "own"', "expected 1 to 65,536 tables [[block]]"),
        ("x = 1", "found 'x', expected name and block"),
        ("[[block]", "no TOML: "),
        ('name = "a b"', "name: found 'a b', expected letters, digits and _"),
        ('name = "reduce"', "name: there is a collective reduce already"),
        ("[[block]]\nholders = [0]", "block 1: wanters: expected a list of ranks, and at least"),
        ("[[block]]\nholders = [0]\nwanters = [4]", "block 1: wanters: 4 is not among the 4 ranks"),
        ("[[block]]\nholders = [0, 0]\nwanters = [1]", "block 1: holders: a rank is listed twice"),
        ("[[block]]\nholders = [0]\nwanters = [1]\nsize = 0", "block 1: size: found '0', expected"),
        ("[[block]]\nholders = [true]\nwanters = [1]", "block 1: holders: found 'True', expected"),
        ("[[block]]\nholder = [0]", "block 1: expected a table of size, holders and wanters"),
        ("[[block]]\nsize = " + "9" * 400, "block 1: size: found '9999"),
    ],
)
def test_what_is_no_collective_is_said_in_a_line(call, text, said):
    Path("own.toml").write_text(text, encoding="utf-8")
    answer = call("bound", "ring:4", "file:own.toml")
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"commplan: own.toml: {said}")
    assert len(answer.stderr.splitlines()) == 1


def test_a_file_without_a_name_is_none(call):
    result = call("bound", "ring:3", "file:")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "commplan: file: names none, expected file:PATH\n"


def test_other_options_have_nothing_to_say(call):
    written((1, [0], [1]))
    answer = call("bound", "ring:4", "file:own.toml", "--root", "1")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "leave the other options out" in answer.stderr
    assert call("bound", "ring:4", "file:none.toml").exit_code == 2
