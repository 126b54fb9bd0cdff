"""The tokens of a dispatch or a combine, from a file or from a description."""

import numpy as np

from solvers.demands import files
from solvers.demands.distributions import DISTRIBUTIONS, TOKEN_BYTES, draw_homes
from solvers.demands.files import DemandError, cell
from solvers.demands.matrix import BYTES_LIMIT, RANKS_LIMIT
from solvers.schedules.moe import Tokens, group_tokens
from topologies.model.arguments import of, whole
from topologies.model.messages import one_line, unknown
from topologies.model.topology import IntArray
from topologies.model.units import Bytes, count_of

VISITS_LIMIT = 2**28  # tokens × ranks


def tokens(
    text: str, ranks: int, token_bytes: Bytes | None = None, experts: int | None = None
) -> Tokens:
    """Make the tokens that a file or a description (`node-limited:tokens=128`) stands for.

    A file has a row for each token, those of the first rank first and equally many of each, with
    the numbers of its experts, -1 for none. Of `experts` (the highest number and one more, where
    not given) expert e lives on rank e * ranks // experts. A token has 7,168 bytes by default.

    Args:
        text: a file or a description.
        ranks: how many.
        token_bytes: of each token; 7168, if it is not given.
        experts: how many there are, of which each rank has equally many; as many as the file names,
            if it is not given.

    Raises:
        DemandError: no such file or description, or what cannot be the experts of tokens.
    """
    of("demand", text, str, "a file or a description", DemandError)
    if not 1 <= whole("ranks", ranks, error=DemandError) <= RANKS_LIMIT:
        raise DemandError(f"ranks: found {ranks}, expected 1 to {RANKS_LIMIT:,}")
    if token_bytes is not None:
        whole("token_bytes", token_bytes, 1, BYTES_LIMIT, DemandError)
    if experts is not None:
        whole("experts", experts, 1, error=DemandError)
    name = text.partition(":")[0]
    if name in DISTRIBUTIONS:
        if experts is not None:
            raise DemandError(one_line(f"{text[:100]}: the experts are a parameter of it"))
        places = draw_homes(text, ranks)
    elif files.is_name(text):
        places = place_experts(text, files.load(text), ranks, experts)
    else:
        said = unknown("file and no distribution", name, DISTRIBUTIONS)
        raise DemandError(one_line(f"demand: {said}"))
    if len(places) * ranks > VISITS_LIMIT:
        limit = f"tokens x ranks is more than {VISITS_LIMIT:,}"
        raise DemandError(one_line(f"{text[:100]}: {limit}"))
    size = token_bytes or TOKEN_BYTES
    if len(places) * size > BYTES_LIMIT:
        raise DemandError(one_line(f"{text[:100]}: more than {BYTES_LIMIT:,} bytes of tokens"))
    return group_tokens(places, ranks, size)


def place_experts(place: str, chosen: IntArray, ranks: int, experts: int | None = None) -> IntArray:
    """Look up the rank of each expert that tokens have chosen, -1 for none.

    Raises:
        DemandError: naming place, row and column; both count from 1.
    """
    if len(chosen) % ranks:
        found = f"found {count_of(len(chosen), 'token')}, expected a multiple of the {ranks} ranks"
        raise DemandError(one_line(f"{place}: {found}"))
    count = int(chosen.max(initial=0)) + 1 if experts is None else experts
    wrong = (chosen < -1) | (chosen >= count)
    if wrong.any():
        i, j = (int(where[0]) for where in np.nonzero(wrong))
        expected = f"expected an expert from 0 to {count - 1}, or -1 for none"
        raise DemandError(one_line(f"{place}: {cell(i, j)}: found {chosen[i, j]}, {expected}"))
    if (chosen < 0).all():
        raise DemandError(one_line(f"{place}: no token has an expert"))
    return np.where(chosen < 0, -1, chosen * ranks // max(count, 1))
