"""The reason for a bound: checked once more, and written so that anyone can check it."""

from contextlib import suppress

from commplan.anytime.abandon import end_with
from solvers.bounds.cuts import rank_bound
from solvers.certify.certificates import prove
from solvers.kept_symmetry import find_symmetry
from solvers.schedules.certificate import Bound, Certificate, Cut
from solvers.schedules.collective import Collective
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import SolverOptions
from solvers.solve import bound
from topologies.model.topology import Topology

TIGHTER = "tighter bounds"
SEARCHING = 0.8  # of the time; the rest is for the proof of what was found
PROVING, LONGEST = 0.1, 5.0  # of the time, and seconds, that this may take besides


def find_bound(topology: Topology, what: Collective, watch: Watch, options: SolverOptions) -> Bound:
    """Find the tightest bound, or the tightest that is proved when the time is over.

    Raises:
        as `solvers.solve.bound`; NotFound only where the work is too much, not for lack of time.
    """
    grace = min(PROVING * watch.left, LONGEST)
    search = Watch(SEARCHING * watch.left, watch.pass_on, watch, what=TIGHTER)
    found: Bound | None = None
    try:
        with end_with(search):
            found = bound(topology, what, search, options)
    except NotFound:
        if not search.late:
            raise
        watch.leave_out(TIGHTER)
    for each in (found, watch.news.bound):
        if each is None:
            continue
        watch.tell("checking the certificate")
        with suppress(NotFound), end_with(watch, 1.0 if watch.stopped else grace):
            check_bound(topology, what, each, options)
            return each
        watch.leave_out(TIGHTER)
    return rank_bound(topology, what)


def check_bound(topology: Topology, what: Collective, found: Bound, options: SolverOptions) -> None:
    """Check a bound by what proves it, under the options it was looked for.

    Raises:
        AssertionError: the certificate does not prove the bound: a bug.
    """
    if found.certificate is not None:
        group = find_symmetry(topology, what, options=options)
        limit = prove(
            topology,
            what,
            found.certificate,
            group,
            in_network=options.in_network,
            relays=options.relays,
        )
        if limit != found.algbw:
            raise AssertionError(f"the certificate proves {limit}, not {found.algbw} bytes/s")


def describe_certificate(
    topology: Topology, certificate: Certificate | None
) -> dict[str, object] | None:
    """Write a certificate with the names of the machine: a cut, or a price for each link."""
    if certificate is None:
        return None
    if isinstance(certificate, Cut):
        inside = [topology.names[vertex] for vertex in certificate.inside.tolist()]
        return {"kind": "cut", "inside": inside, "reversed_links": certificate.reversed_links}
    prices = [f"{price.numerator}/{price.denominator}" for price in certificate.of_class]
    return {"kind": "prices", "price": prices, "class_of_link": certificate.of_link.tolist()}
