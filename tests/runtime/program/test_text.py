from runtime.program.lower import lower
from runtime.program.text import program_text


def test_the_program_of_each_rank_is_written_in_its_order(ring_of, relayed_of, golden):
    ring = program_text(lower(ring_of("all_reduce", 3), 6), 1, ("a", "b", "c"))
    relayed = str(lower(relayed_of("all_to_all", 2), 4, chunks=2, in_place=True))
    golden("programs.txt", f"{ring}\n\n{relayed}\n")


def test_every_instruction_is_written_once(ring_of):
    program = lower(ring_of("all_gather", 5), 20)
    lines = program_text(program, most=None).splitlines()
    assert sum(line.startswith("    ") for line in lines) == len(program)


def test_what_is_left_out_is_told(ring_of):
    program = lower(ring_of("all_gather", 10), 20)
    text = program_text(program, most=3)
    assert text.endswith("... 2 more ranks")
    assert "more lines (--all shows them)" in text


def test_who_takes_no_part_does_nothing(ring_of):
    program = lower(ring_of("all_gather", 3), 6)
    assert program_text(program, 3, ("a", "b", "c", "d")).endswith("d: does nothing")
