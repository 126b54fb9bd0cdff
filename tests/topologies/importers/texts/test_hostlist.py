"""Lists of hosts: ranges keep their zeros."""

import pytest

from topologies.importers.texts.hostlist import LIMIT, expand


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("a", ["a"]),
        ("n[0-2,8],m5", ["n0", "n1", "n2", "n8", "m5"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("r[1-2]n[1-2]x", ["r1n1x", "r1n2x", "r2n1x", "r2n2x"]),
        ("[11-12]", ["11", "12"]),
    ],
)
def test_lists_are_expanded(text, hosts):
    assert expand(text) == hosts


@pytest.mark.parametrize("text", ["", ",", "a,,b", "n[", "n]", "n[a]", "n[2-1]", "n[]", "a b"])
def test_what_is_no_list_is_refused(text):
    with pytest.raises(ValueError, match=r"^(found|'.*' is no range)"):
        expand(text)


def test_too_many_are_refused_before_they_are_made():
    with pytest.raises(ValueError, match=r"more than|at most"):
        expand(f"n[1-{LIMIT}][0-9]")
