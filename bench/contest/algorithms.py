"""The algorithms that an MPI lets its users select, by the variables that select them.

MPICH: the control variables of 5.0, as `mpivars` lists them; those that make non-blocking
collectives serve the blocking call are included. Open MPI: the forced algorithms of coll/tuned in
5.0, as `ompi_info --param coll tuned --level 9` lists them, and the hierarchical component.
"""

from collections.abc import Iterator, Mapping, Sequence

Variables = Mapping[str, str]
DEFAULT = "default"
PIECES = (2**16, 2**18, 2**20)  # bytes, for algorithms that go in pieces

MPICH_BLOCKING = {
    "all_gather": (
        *("brucks", "recursive_doubling", "ring", "recexch_doubling", "recexch_halving"),
        "k_brucks",
    ),
    "all_reduce": (
        *("recursive_doubling", "reduce_scatter_allgather", "ring", "recexch", "smp"),
        "k_reduce_scatter_allgather",
    ),
}
MPICH_OTHER = {
    "all_gather": (
        *("sched_ring", "sched_brucks", "sched_recursive_doubling", "tsp_ring", "tsp_brucks"),
        *("tsp_recexch_doubling", "tsp_recexch_halving"),
    ),
    "all_reduce": (
        *("sched_naive", "sched_recursive_doubling", "sched_reduce_scatter_allgather"),
        *("tsp_recexch_single_buffer", "tsp_recexch_multiple_buffer", "tsp_tree", "tsp_ring"),
        "tsp_recexch_reduce_scatter_recexch_allgatherv",
    ),
}
BRANCHES = (3, 4, 8)  # of algorithms that have 2 where nothing is said
TREES = ("kary", "knomial_1", "knomial_2")
OPENMPI = {
    "all_gather": {
        1: "linear",
        2: "bruck",
        3: "recursive doubling",
        4: "ring",
        5: "neighbor",
        7: "sparbit",
        8: "direct messaging",
    },
    "all_reduce": {
        1: "basic linear",
        2: "nonoverlapping",
        3: "recursive doubling",
        4: "ring",
        5: "segmented ring",
        6: "rabenseifner",
        7: "allgather reduce",
    },
}
SEGMENTED = {2, 5}  # those of all_reduce that go in pieces


def algorithms(kind: str, collective: str) -> dict[str, Variables]:
    """List the algorithms of an MPI (mpich, openmpi) for all_gather or all_reduce, by name."""
    listed = _mpich(collective) if kind == "mpich" else _openmpi(collective)
    return {DEFAULT: {}, **dict(listed)}


def _mpich(collective: str) -> Iterator[tuple[str, Variables]]:
    word = collective.replace("_", "").upper()
    choice, other = f"MPIR_CVAR_{word}_INTRA_ALGORITHM", f"MPIR_CVAR_I{word}_INTRA_ALGORITHM"
    for name in MPICH_BLOCKING[collective]:
        yield name, {choice: name}
    for name in MPICH_OTHER[collective]:
        yield f"nb {name}", {choice: "nb", other: name}
    if collective == "all_gather":
        families = [("k_brucks", "BRUCKS_KVAL"), ("recexch_doubling", "RECEXCH_KVAL")]
    else:
        families = [("recexch", "RECEXCH_KVAL")]
        families += [("recursive_multiplying", "RECURSIVE_MULTIPLYING_KVAL")]
        families += [("k_reduce_scatter_allgather", "RECEXCH_KVAL")]
        yield from _trees(choice)
    for name, parameter in families:
        for k in BRANCHES:
            yield f"{name} k={k}", {choice: name, f"MPIR_CVAR_{word}_{parameter}": str(k)}


def _trees(choice: str) -> Iterator[tuple[str, Variables]]:
    """List trees of several shapes, whole and in pieces."""
    for tree in TREES:
        for piece in (0, *PIECES[:2]):
            yield (
                f"tree {tree} {piece or 'whole'}",
                {
                    choice: "tree",
                    "MPIR_CVAR_ALLREDUCE_TREE_TYPE": tree,
                    "MPIR_CVAR_ALLREDUCE_TREE_PIPELINE_CHUNK_SIZE": str(piece),
                },
            )


def _openmpi(collective: str) -> Iterator[tuple[str, Variables]]:
    word = collective.replace("_", "")
    rules = {"OMPI_MCA_coll_tuned_use_dynamic_rules": "1"}
    choice = f"OMPI_MCA_coll_tuned_{word}_algorithm"
    for number, name in OPENMPI[collective].items():
        yield name, {**rules, choice: str(number)}
        pieces: Sequence[int] = PIECES if number in SEGMENTED and word == "allreduce" else ()
        for piece in pieces:
            yield (
                f"{name} {piece}",
                {**rules, choice: str(number), f"{choice}_segmentsize": str(piece)},
            )
    yield "han", {"OMPI_MCA_coll_han_priority": "100"}
    yield "adapt", {"OMPI_MCA_coll_adapt_priority": "100"}
