import pytest

from runtime.launch.mpi import MapError
from runtime.launch.rank_map import read


@pytest.mark.parametrize("text", ["[2, 0, 1]", "2\n0\n1\n", "\ufeff2 0 1"])
def test_maps_are_json_or_lines(tmp_path, text):
    (tmp_path / "map").write_text(text, encoding="utf-8")
    assert read(tmp_path / "map", (0, 1, 2)) == (2, 0, 1)


@pytest.mark.parametrize("text", ['["c", "a", 1]', "c\na\nb\n", "2\ta 1"])
def test_ranks_have_names_where_the_machine_has(tmp_path, text):
    (tmp_path / "map").write_text(text, encoding="utf-8")
    assert read(tmp_path / "map", (0, 1, 2), ("a", "b", "c")) == (2, 0, 1)


def test_a_map_may_name_tens_of_thousands_of_ranks(tmp_path):
    names = [f"gpu{i}" for i in range(20_000)]
    (tmp_path / "map").write_text("\n".join(names[::-1]), encoding="utf-8")
    assert read(tmp_path / "map", range(20_000), names) == tuple(range(20_000))[::-1]


@pytest.mark.parametrize("word", ["１", "1_0", "+1", "1\u00a0", "-1"])
def test_a_number_is_written_in_plain_digits(tmp_path, word):
    (tmp_path / "map").write_text(f"0\n{word}\n", encoding="utf-8")
    with pytest.raises(MapError, match=r"is no rank$"):
        read(tmp_path / "map", (0, 1))


def test_an_unknown_name_is_told_the_nearest(tmp_path):
    (tmp_path / "map").write_text("gpu_0 gpu-1", encoding="utf-8")
    with pytest.raises(MapError, match=r"'gpu_0' is no rank; nearest: gpu0$"):
        read(tmp_path / "map", (0, 1), ("gpu0", "gpu1"))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"2\nx\n", "'x' is no rank"),
        (b"[true]", "true is no rank"),
        (b"[1,", "line 1, column 4: expecting value"),
        (b"[[]]", "a list is no rank"),
        (b"[" * 100_000, "nested too deeply"),
        (
            b"\xff",
            "found binary data, expected a rank for each process: a line each, or a JSON list",
        ),
        (b"", "found an empty file, expected a rank for each process"),
        (b"[]", "found 0 ranks, expected each of the 3 ranks 0,1,2 once"),
        (b"0", "found 1 rank, expected each of the 3 ranks 0,1,2 once"),
        (b"0 1", "found 2 ranks, expected each of the 3 ranks 0,1,2 once"),
        (b"0 1 1", "found 0,1,1, expected each of the 3 ranks 0,1,2 once"),
        (b"[0, 1, -%d]" % 10**40, "found 0,1,a huge number, expected each of the 3"),
        (b"0" * 10_000_001, "larger than 10 MB, the most that is read"),
    ],
)
def test_what_is_no_map_is_one_line_with_the_file(tmp_path, content, fault):
    (tmp_path / "map").write_bytes(content)
    with pytest.raises(MapError) as caught:
        read(tmp_path / "map", (0, 1, 2))
    assert str(caught.value).startswith(f"{tmp_path / 'map'}: {fault}")


def test_no_file_and_a_folder_are_named_once(tmp_path):
    with pytest.raises(MapError) as caught:
        read(tmp_path / "none", (0, 1))
    assert str(caught.value) == f"{tmp_path / 'none'}: no such file or directory"
    with pytest.raises(MapError, match=f"^{tmp_path}: is a directory$"):
        read(tmp_path, (0, 1))
