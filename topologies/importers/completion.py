"""Figures for what a file leaves open: those of a profile, of a generation, or a guess."""

from dataclasses import replace

from topologies.importers.draft import (
    ASSUMED,
    PROFILE,
    UPLINK,
    Cable,
    Draft,
)
from topologies.importers.figures import GENERATIONS, GUESSES, Figure
from topologies.importers.profiles import Profile
from topologies.model.units import Rate

LATENCY = "; latency assumed: "


def complete(draft: Draft, profile: Profile) -> Draft:
    """Give every cable a rate and a latency, and say in its source where each is from.

    Complexity: linear in the cables.
    """
    cables = [_complete(cable, profile) for cable in draft.cables]
    return replace(draft, cables=tuple(_fill_uplinks(draft, cables)))


def _look_up(cable: Cable, profile: Profile) -> tuple[Figure, str]:
    """Find the figure of a medium, and what kind of evidence it is."""
    if cable.base in profile.figures:
        return profile.figures[cable.base], PROFILE
    if cable.medium in GENERATIONS:
        return GENERATIONS[cable.medium], PROFILE
    return GUESSES[cable.base], ASSUMED


def _complete(cable: Cable, profile: Profile) -> Cable:
    figure, evidence = _look_up(cable, profile)
    source, rate, alpha = cable.source, cable.rate, cable.alpha
    if rate is None:
        rate = None if figure.rate is None else figure.rate * cable.lanes
        source = "; ".join(filter(None, (cable.source, figure.source)))
    else:
        evidence = cable.evidence
    if alpha is None:
        alpha = figure.alpha / 2 if cable.halves else figure.alpha
        source += f"{LATENCY}{figure.alpha_source}"
    return cable._replace(rate=rate, alpha=alpha, evidence=evidence, source=source)


def _fill_uplinks(draft: Draft, cables: list[Cable]) -> list[Cable]:
    """Let uplinks of unknown rates carry what comes from below, divided over a switch's uplinks.

    Readers list them from below to above, and lead each from the lower switch to the upper one.
    """
    below: dict[str, Rate] = {}
    ups: dict[str, int] = {}
    for cable in cables:
        if cable.base != UPLINK:
            below[cable.dst] = below.get(cable.dst, Rate(0)) + (cable.rate or 0)
        else:
            ups[cable.src] = ups.get(cable.src, 0) + 1
    made = []
    for cable in cables:
        rate = cable.rate
        if rate is None:
            rate = below.get(cable.src, Rate(0)) / ups[cable.src] or GUESSES["link"].rate
        if cable.base == UPLINK and rate is not None:
            below[cable.dst] = below.get(cable.dst, Rate(0)) + rate
        made.append(cable._replace(rate=rate))
    return made


def assumptions(draft: Draft) -> list[str]:
    """List what was taken for granted, a sentence for each kind of figure."""
    rates: dict[str, None] = {}
    latencies: dict[tuple[str, str], set[float]] = {}
    for cable in draft.cables:
        stated, latency, why = cable.source.partition(LATENCY)
        if cable.evidence == ASSUMED:
            rates[f"rate of {cable.medium}: {stated}"] = None
        if latency:
            latencies.setdefault((cable.base, why), set()).add((cable.alpha or 0.0) * 1e6)
    times = [
        f"latency of {base}: {', '.join(f'{each:.4g}' for each in sorted(found))} us ({why})"
        for (base, why), found in latencies.items()
    ]
    return [*rates, *times]
