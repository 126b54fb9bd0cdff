import json
import tomllib

import numpy as np
import pytest

from bench.fits import errors, holdouts
from commplan.fitting.fit import FitError, fit
from commplan.fitting.fitted import SHIPPED, known_library
from commplan.fitting.library import fit_library
from commplan.fitting.regime import fit_regime
from commplan.fitting.terms import added_in_switches, terms
from commplan.measurements.rows import Measured
from topologies.derive.bundle import bundle
from topologies.formats.spec import topology
from topologies.presets.figures import read_figures

SIZES = [2**k for k in range(9, 30)]


def ring_time(n, size, start, hop, middle, ends):
    return start + (n - 1) * hop + size * ((n - 2) * middle + 2 * ends) / n


def library_time(n, size):
    """Take as long as a library of two protocols, the second from 1 MiB on."""
    if size < 2**20:
        return ring_time(n, size, 6e-6, 1e-6, 1e-11, 1e-11)
    return ring_time(n, size, 20e-6, 3e-6, 4e-12, 3e-12)


def rows_of(time, name="all_gather", counts=(2, 4, 8), sizes=SIZES):
    return [Measured(name, n, s, time(n, s), 1) for n in counts for s in sizes]


def test_the_parts_of_a_ring_are_counted():
    rows = [Measured("all_gather", 4, 400, 1.0, 1), Measured("all_reduce", 4, 400, 1.0, 2)]
    assert terms(rows).tolist() == [[1, 3, 200, 200], [1, 6, 500, 200]]
    assert added_in_switches(rows[1:]).tolist() == [[1, 0, 500, 0]]


def test_figures_are_found_again_and_their_errors_hold_them():
    draw = np.random.default_rng(1)
    rows = rows_of(lambda n, s: ring_time(n, s, 20e-6, 3e-6, 4e-12, 3e-12), sizes=SIZES[10:])
    noise = np.exp(0.01 * draw.standard_normal(len(rows)))
    found = fit_regime(terms(rows), np.array([r.seconds for r in rows]) * noise, bulk=True)
    for value, error, true in zip(
        found.figures, found.errors, (20e-6, 3e-6, 4e-12, 3e-12, 1.0), strict=True
    ):
        assert 0 < error < 0.3
        assert abs(value / true - 1) < 4 * error


def test_what_the_rows_do_not_tell_has_no_error_that_ends():
    rows = rows_of(library_time, counts=(2,), sizes=SIZES[:8])
    found = fit_regime(terms(rows), np.array([r.seconds for r in rows]), bulk=False)
    assert max(found.errors[:2]) == float("inf")  # a start and one hop are told by no two


def test_the_change_of_protocol_is_found():
    model = fit_library(rows_of(library_time))["all_gather"]
    assert set(model.regimes) == {1, 2} or set(model.regimes) == {0, 2} or len(model.regimes) == 3
    for row in rows_of(library_time, counts=(2, 3, 4, 6, 8, 16)):
        assert model.seconds(row) == pytest.approx(row.seconds, rel=0.05)


def test_one_protocol_is_one_regime():
    model = fit_library(rows_of(lambda n, s: ring_time(n, s, 6e-6, 1e-6, 4e-12, 3e-12)))
    assert len(model["all_gather"].regimes) == 1


def test_switches_that_add_are_recognised():
    def reduced(n, size):
        if n == 8:
            return 20e-6 + size * 9 / 8 * 3.1e-12
        return 20e-6 + 2 * (n - 1) * 1e-6 + size * ((2 * n - 3) * 2.8e-12 + 2 * 2.2e-12) / n

    rings = lambda n, s: ring_time(n, s, 15e-6, 1e-6, 2.8e-12, 2e-12)  # noqa: E731
    rows = rows_of(rings) + rows_of(rings, "reduce_scatter")
    model = fit_library(rows + rows_of(reduced, "all_reduce", (2, 8)), adding=True)["all_reduce"]
    assert model.added == {8}
    due = Measured("all_reduce", 4, 2**28, 1.0, 1)
    there = 20e-6 + 2**28 * 5 / 4 * 3.1e-12  # not seen: the quicker one counts
    assert model.seconds(due) == pytest.approx(min(there, reduced(4, 2**28)), rel=0.02)
    plain = fit_library(rows + rows_of(reduced, "all_reduce", (2, 8)))["all_reduce"]
    assert plain.adding is None


def test_the_machine_carries_efficiency_latency_and_start():
    machine = topology("dgx-a100")
    found = fit(machine, rows_of(library_time))
    [tier] = found.tiers
    assert tier.efficiency.value == pytest.approx(1 / 4e-12 / 300e9, rel=0.01)
    assert tier.start.value == pytest.approx(6e-6, rel=0.02)
    assert tier.alpha == pytest.approx(0.5e-6, rel=0.05)  # two links of a hop
    [link_class] = found.topology.classes
    assert float(link_class.efficiency) == pytest.approx(tier.efficiency.value, abs=1e-4)
    assert "63 rows of all_gather over 2, 4, 8 ranks; a start takes 6 us" in (
        link_class.efficiency_source
    )
    assert set(found.topology.alpha.tolist()) == {round(tier.alpha, 12)}
    assert found.median_error() < 0.01


def test_boxes_and_what_is_between_them_are_fitted_apart():
    machine = topology("dgx-a100:boxes=2")

    def time(n, size):
        if n <= 8:
            return library_time(n, size)
        return ring_time(n, size, 30e-6, 5e-6, 1 / 180e9, 1 / 180e9)

    found = fit(machine, rows_of(time, counts=(2, 4, 8, 16)))
    inside, between = found.tiers
    assert (inside.ranks, between.ranks) == ((2, 4, 8), (16,))
    assert between.efficiency.value == pytest.approx(180e9 / (8 * 25e9), rel=0.05)
    assert between.alpha is None  # hops go over both classes
    own = machine.link_class == between.link_class
    assert (found.topology.alpha[own] == machine.alpha[own]).all()


def test_what_cannot_be_fitted_is_refused():
    machine = topology("star:4")
    with pytest.raises(FitError, match="line 1: 8 ranks, expected 2 to 4, those of star:4"):
        fit(machine, rows_of(library_time))
    with pytest.raises(FitError, match="3 rows of all_gather, expected at least 4"):
        fit(machine, rows_of(library_time, counts=(4,), sizes=SIZES[:3]))


def test_holdouts_predict_what_was_not_shown():
    rows = rows_of(library_time)
    for what, held in holdouts(rows):
        found = errors(rows, held, False)
        assert len(found) == (len(rows) if "all rows" in what else sum(map(held, rows)))
        assert np.median([abs(error) for _, error in found]) < 0.05


def test_the_command_writes_a_machine(call, tmp_path):
    lines = [f"{r.collective},{r.ranks},{r.size},{r.seconds}" for r in rows_of(library_time)]
    (tmp_path / "log.csv").write_text("\n".join(["collective,ranks,size,seconds", *lines]))
    found = call("fit", "log.csv", "--topology", "dgx-a100", "-o", "mine.toml")
    assert found.exit_code == 0
    assert found.stdout.splitlines()[0] == "dgx-a100:boxes=1: fitted to 63 rows"
    made = tomllib.loads((tmp_path / "mine.toml").read_text())
    assert made["classes"][0]["efficiency"] == pytest.approx(0.8333, abs=0.01)
    made = call("expect", "mine.toml", "gather", "--sizes", "1KiB:1KiB", "--format", "csv")
    assert made.exit_code == 0
    told = json.loads(
        call("fit", "log.csv", "--topology", "dgx-a100", "-o", "b.toml", "--json").stdout
    )
    [own], row = told["classes"], told["rows"][0]
    assert own["low"] < own["bandwidth_GBps"] < own["high"]
    assert own["latency_us"] == pytest.approx(0.5, rel=0.05)
    assert row["measured_seconds"] == pytest.approx(row["predicted_seconds"], rel=0.05)
    assert row["of_bound"] == row["bound_seconds"] / row["measured_seconds"]
    refused = call("fit", "log.csv", "--topology", "star:4", "-o", "mine.json")
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize("name", sorted(file.stem for file in SHIPPED.glob("*.json")))
def test_a_machine_and_what_is_shipped_for_it_say_the_same(name):
    machine = topology(name)
    shipped = json.loads((SHIPPED / f"{name}.json").read_text())
    for own in shipped["classes"]:
        [known] = [each for each in machine.classes if each.name == own["name"]]
        assert float(known.efficiency) == pytest.approx(own["efficiency"], abs=0.0006)
        told = {each.what: each.value for each in read_figures(name) if each.evidence == "fitted"}
        start, hop = (own[f"{each}_seconds"] * 1e6 for each in ("start", "hop"))
        for what, value in (("what NCCL takes to start", start), ("latency of a hop of NCCL", hop)):
            assert float(told[f"{known.name}: {what}"]) == pytest.approx(value, rel=2e-3)


def test_a_library_is_found_by_the_name_and_the_links_of_a_machine():
    two = bundle(topology("dgx-h100:boxes=2"))
    library = known_library(two)
    assert library.name == "NCCL 2.29.2"
    assert sorted(library.find(two, range(8))) == [
        *("all_gather", "all_reduce", "all_to_all", "reduce_scatter"),
    ]
    assert library.find(two, range(16)) == {}  # over the network, where nothing was measured
    assert library.find(two, [3]) == {}
    assert known_library(topology("star:4")) is None


def test_what_fit_prints_is_read_back(call, tmp_path):
    rows = rows_of(library_time)
    lines = [f"{r.collective},{r.ranks},{r.size},{r.seconds}" for r in rows]
    (tmp_path / "log.csv").write_text("\n".join(["collective,ranks,size,seconds", *lines]))
    found = call("fit", "log.csv", "--topology", "star:8", "-o", "mine.toml", "--json")
    (tmp_path / "own.json").write_text(found.stdout)
    asked = ("expect", "star:8", "all_gather", "--sizes", "64MiB:64MiB", "--library", "own.json")
    [row] = json.loads(call(*asked, "--json").stdout)["rows"]
    assert row["library_seconds"] == pytest.approx(library_time(8, 2**26), rel=0.02)
    for text, says in (
        ("{", "truncated"),
        ('{"format": "x", "machine": "", "classes": []}', "format 'x', expected commplan/fit/1"),
        (found.stdout.replace('"power": ', '"power": -'), "from 0"),
    ):
        (tmp_path / "own.json").write_text(text)
        refused = call(*asked)
        assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
        assert says in refused.stderr
