"""Figures for what a file leaves open: those of a profile, of a generation, or a guess."""

from dataclasses import replace

from topologies.importers.draft import (
    ADAPTER,
    ASSUMED,
    HUB_KIND,
    NETWORK,
    PROFILE,
    RANK,
    STATED,
    SWITCH,
    UPLINK,
    Cable,
    Draft,
    Vertex,
)
from topologies.importers.hardware.figures import GENERATIONS, GUESSES, Figure
from topologies.importers.hardware.profiles import Profile
from topologies.model.units import Rate, count_of
from topologies.model.units import rate as rate_of

LATENCY = "; latency assumed: "


def complete(draft: Draft, profile: Profile) -> Draft:
    """Give every cable a rate and a latency, and say in its source where each is from.

    Complexity: linear in the cables.
    """
    draft = _with_hubs(draft, profile)
    cables = [_complete(cable, profile) for cable in draft.cables]
    return replace(draft, cables=tuple(_fill_uplinks(draft, cables)))


def _with_hubs(draft: Draft, profile: Profile) -> Draft:
    """Add what a profile knows of switches in a box: that they copy, and which a file leaves out.

    A file that tells GPUs only by their class says nothing of what joins them.
    """
    medium, lanes = next(iter(profile.lanes.items()), ("", 0))
    if not profile.switched:
        return draft
    vertices = [
        each._replace(copies=each.copies or profile.copies) if each.kind == HUB_KIND else each
        for each in draft.vertices
    ]
    cables = list(draft.cables)
    boxes = {each.host for each in draft.vertices if each.kind == HUB_KIND}
    for host in dict.fromkeys(each.host for each in draft.of(RANK)) if draft.partial else ():
        if host not in boxes:
            hub = Vertex(
                f"{host}.nvs" if host else "nvs", SWITCH, HUB_KIND, host, (), profile.copies
            )
            vertices.append(hub)
            cables += [
                Cable(each.name, hub.name, medium, lanes=lanes, halves=True)
                for each in draft.of(RANK)
                if each.host == host
            ]
    return replace(draft, vertices=tuple(vertices), cables=tuple(cables))


def _look_up(cable: Cable, profile: Profile) -> tuple[Figure, str]:
    """Find the figure of a medium, and what kind of evidence it is."""
    if cable.base in profile.figures:
        return profile.figures[cable.base], PROFILE
    if cable.medium in GENERATIONS:
        return GENERATIONS[cable.medium], PROFILE
    return GUESSES.get(cable.base, GUESSES["link"]), ASSUMED


def _complete(cable: Cable, profile: Profile) -> Cable:
    figure, evidence = _look_up(cable, profile)
    source, rate, alpha = cable.source, cable.rate, cable.alpha
    if rate is None:
        lanes = cable.lanes or profile.adapters or 1
        rate = None if figure.rate is None else figure.rate * lanes
        source = "; ".join(filter(None, (cable.source, figure.source)))
    else:
        evidence = cable.evidence
    if alpha is None:
        alpha = figure.alpha / 2 if cable.halves else figure.alpha
        known = cable.base in profile.figures
        source += f"{'; latency: ' if known else LATENCY}{figure.alpha_source}"
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


def held_back(draft: Draft) -> list[str]:
    """Say where a rate that is assumed makes less of adapters than the files say they do."""
    outside: dict[str, Rate] = {}
    inside: dict[str, Rate] = {}
    adapters = {each.name for each in draft.of(ADAPTER)}
    for cable in draft.cables:
        for end in adapters & {cable.src, cable.dst}:
            if cable.base == NETWORK and cable.evidence == STATED:
                outside[end] = max(outside.get(end, Rate(0)), cable.rate or Rate(0))
            elif cable.base != NETWORK and cable.evidence == ASSUMED:
                inside[end] = max(inside.get(end, Rate(0)), cable.rate or Rate(0))
    slow = [end for end in outside if inside.get(end, outside[end]) < outside[end]]
    if not slow:
        return []
    least, most = min(inside[end] for end in slow), max(outside[end] for end in slow)
    return [
        f"{count_of(len(slow), 'adapter')} of {rate_of(most)} beside links that are assumed to "
        f"carry {rate_of(least)}: --profile says which hardware it is"
    ]


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
