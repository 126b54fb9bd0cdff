"""The emitted C program compiles without a warning and holds nothing harmful."""

import subprocess
from dataclasses import replace

import pytest

from runtime.emit import tables
from runtime.emit.c import emit
from runtime.execute.part import part
from runtime.launch.mpi import _find_beside, compile_c
from runtime.metrics.pacing import Pacing, with_pacing
from runtime.program.buffer_plan import moves
from runtime.program.lower import lower


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
        flags = ["-O3", "-Wall", "-Wextra", "-pedantic", "-std=c11", "-Werror"]
        command = [_find_beside("mpicc"), *flags, str(source), "-o", str(tmp_path / "a"), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")


# Prints the lines and followers of every process at one size.
_LISTING = """
int main(int argc, char **argv)
{
    (void)argc;
    plan.chunks = args.chunks = atoll(argv[2]);
    args.in_place = atoi(argv[3]);
    args.join = atoll(argv[4]);
    plan.lead = atoll(argv[5]) ? atoll(argv[5]) : LEAD;
    fit(atoll(argv[1]));
    for (plan.me = 0; plan.me < PROCESSES; plan.me++) {
        make_plan();
        make_machine(MPI_COMM_NULL);
        const Part *p = &machine.part;
        for (Int i = 0; i < p->count; i++) {
            const int64_t *field = (const int64_t *)(p->lines + i);
            printf("%d", plan.me);
            for (size_t k = 0; k < sizeof(Line) / sizeof *field; k++)
                printf(" %lld", (Int)field[k]);
            for (Int k = p->lines[i].after; k < p->lines[i].until; k++)
                printf(" %lld", (Int)p->followers[k]);
            printf("\\n");
        }
        free_machine();
    }
    return 0;
}
"""


@pytest.mark.parametrize(("in_place", "limit"), [(False, 2**30), (True, 40)])
@pytest.mark.parametrize("kind", ["direct", "relayed", "tree", "ring"])
def test_the_program_lowers_itself_as_lower_does(
    request, kind, in_place, limit, mpi, tmp_path, monkeypatch
):
    monkeypatch.setattr(tables, "refuse_unlike", lambda schedule: None)  # all kinds of landings
    name = "all_to_all" if kind == "relayed" else "all_reduce"
    made = request.getfixturevalue(f"{kind}_of")(name, 5)
    schedule = with_pacing(made, Pacing(phases=1 + in_place, dealt=kind != "tree"))
    source, program = tmp_path / "a.c", tmp_path / "a"
    text = emit(schedule).partition("int main(")[0]
    assert "MESSAGE_LIMIT = 1 << 30" in text
    source.write_text(text.replace("1 << 30", str(limit)) + _LISTING)
    compile_c(mpi, source, program)
    for count, chunks, joined, lead in (
        (1, 1, 4, 1),
        (7, 2, 4, 2),
        (999, 5, 50, 3),
        (999, 1, 0, 0),
    ):
        words = [str(word) for word in (count, chunks, int(in_place), 4 * joined, lead)]
        done = subprocess.run([str(program), *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0
        kept = {"lead": lead} if lead else {}
        whole = lower(
            moves(schedule), count, chunks=chunks, in_place=in_place, joined=4 * joined, **kept
        )
        assert done.stdout.split("\n")[:-1] == list(listed(whole, limit))


def listed(program, limit):
    for me in range(program.processes):
        mine = part(program, me, limit=limit)
        for line in mine.lines:
            behind = mine.followers[line["after"] : line["until"]].tolist()
            yield " ".join(map(str, (me, *line.tolist(), *behind)))
