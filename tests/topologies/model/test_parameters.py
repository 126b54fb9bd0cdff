import pytest

from topologies.model.parameters import decimal, read, whole, word

PARSERS = {"n": whole(), "seed": whole(0, 9), "skew": decimal(3), "copies": word("rank", "expert")}


def test_words_are_read_by_their_keys_and_the_first_may_have_none():
    words = ["8", "seed=0", "skew=1.25", "copies=rank"]
    values = {"n": 8, "seed": 0, "skew": 1.25, "copies": "rank"}
    assert read(words, PARSERS, "n") == (values, [])
    assert read(words[1:], PARSERS) == (
        {key: values[key] for key in ("seed", "skew", "copies")},
        [],
    )


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["8"], "no parameter is named '8'; known: n, seed, skew, copies"),
        (["n=1", "n=2"], "n is given twice"),
        (["n=0"], "n is '0', expected a whole number from 1, of at most 12 digits"),
        (["n=١"], "n is '١', expected a whole number from 1, of at most 12 digits"),
        (["seed=1234567890"], "seed is '1234567890', expected a whole number from 0, of at most 9"),
        (["skew=1e3"], "skew is '1e3', expected a number such as 12.5"),
        (["copies=x"], "copies is 'x', expected rank or expert"),
    ],
)
def test_each_mistake_is_told_with_what_was_expected(words, fault):
    found = read(words, PARSERS)[1]
    assert len(found) == 1
    assert found[0].startswith(fault)


def test_of_few_digits_the_largest_number_is_told():
    with pytest.raises(ValueError, match=r"^a whole number from 1 to 99$"):
        whole(digits=2)("4096")
