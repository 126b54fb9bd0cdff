"""The reason for a bound: checked once more, and written so that anyone can check it."""

from solvers.certificate import Bound, Certificate, Cut
from solvers.collective import Collective
from solvers.proof import proved
from solvers.solve import kept_symmetry
from solvers.terms import Terms
from topologies.topology import Topology


def certified(topology: Topology, what: Collective, found: Bound, terms: Terms) -> None:
    """Check a bound by what proves it, under the terms it was looked for.

    Raises:
        AssertionError: the certificate does not prove the bound: a bug.
    """
    if found.certificate is not None:
        group = kept_symmetry(topology, what, terms=terms)
        limit = proved(
            topology,
            what,
            found.certificate,
            group,
            in_network=terms.in_network,
            relays=terms.relays,
        )
        if limit != found.algbw:
            raise AssertionError(f"the certificate proves {limit}, not {found.algbw} bytes/s")


def described(topology: Topology, certificate: Certificate | None) -> dict[str, object] | None:
    """Write a certificate with the names of the machine: a cut, or a price for each link."""
    if certificate is None:
        return None
    if isinstance(certificate, Cut):
        inside = [topology.names[vertex] for vertex in certificate.inside.tolist()]
        return {"kind": "cut", "inside": inside, "reversed_links": certificate.reversed_links}
    prices = [f"{price.numerator}/{price.denominator}" for price in certificate.of_class]
    return {"kind": "prices", "price": prices, "class_of_link": certificate.of_link.tolist()}
