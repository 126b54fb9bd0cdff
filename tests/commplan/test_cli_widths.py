"""What a person sees fits the terminal; what a program reads is as it is."""

from commplan.cli.widths import fit

TABLE = [
    "      size      bound      best  binds",
    "     1 MiB   18.49 us  28.81 us  latency: the busiest, link spine -> b0.switch is busy",
    "     1 GiB   10.75 ms  10.77 ms  link spine -> b0.switch is busy 100% of the time",
]


def test_what_fits_is_left_alone():
    assert fit(TABLE, 100) == TABLE


def test_a_wide_table_is_cut_between_columns_and_repeats_its_first():
    found = fit(TABLE, 50)
    assert max(map(len, found)) <= 50
    assert sum(line.startswith("     1 MiB") for line in found) == 2
    words = " ".join(found).split()
    for line in TABLE:
        for word in line.split():
            assert word in words


def test_a_title_and_a_sentence_are_broken_at_blanks():
    title = "all_reduce on mine, 8 ranks: bound (reduce-broadcast trees), best known, no tree"
    found = fit([title, *TABLE, "", title], 60)
    assert max(map(len, found)) <= 60
    assert found[0].startswith("all_reduce on mine")
    assert found[1].startswith("    ")


def test_a_short_title_is_not_taken_for_a_row():
    found = fit(["all_reduce on mine, 8 ranks", *TABLE], 50)
    assert found[0] == "all_reduce on mine, 8 ranks"
    assert sum(line.startswith("all_reduce") for line in found) == 1


def test_lines_without_blanks_stay_whole():
    assert fit(["x" * 90], 80) == ["x" * 90]
