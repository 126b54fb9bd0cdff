"""Every kind of file that is written is as its schema says, and what is not is refused."""

import json
import tomllib

import fastjsonschema
import pytest

import commplan
from bench.readme import PAGES, blocks
from commplan.changes import contingency_folder
from commplan.fitting import fitted
from commplan.jobs import folder
from commplan.schemas import topology as machine
from commplan.schemas.schemas import KINDS, kind_of, schema
from runtime.calibrate import launches
from solvers.jobs import job
from solvers.schedules import files
from solvers.settings.deadline import Watch
from tests.support.written import check_written, checker
from topologies.formats import reader


@pytest.fixture(scope="module")
def plan():
    ring = commplan.topology("ring:4")
    return commplan.plan(ring, commplan.collective("all_gather", range(4)))


def test_every_format_has_a_schema():
    known = {
        *(reader.FORMAT, files.FORMAT, files.SET_FORMAT, job.FORMAT, folder.FORMAT),
        *(contingency_folder.FORMAT, launches.FORMAT, fitted.FORMAT),
    }
    told = {schema(kind)["title"] for kind in KINDS} - {"commplan/certificate"}
    assert told == known
    assert {kind_of({"format": name}) for name in known} == set(KINDS) - {"certificate"}


def test_the_schema_of_a_topology_has_the_fields_that_are_read():
    described = machine.schema()
    assert set(described["properties"]) == set(reader.FIELDS)
    rows = {key: described["properties"][key]["items"] for key in ("switches", "links")}
    for key, fields in (("switches", reader.SWITCH), ("links", reader.LINK)):
        assert set(rows[key]["anyOf"][0]["properties"]) == {*fields, "each"}


@pytest.mark.parametrize(
    "spec", ["dgx-1", "dgx-h100:boxes=2", "torus:2x3:ports=1", "wild:8:seed=1"]
)
def test_machines_are_as_their_schema_says(tmp_path, spec):
    file = tmp_path / "machine.json"
    commplan.save_topology(commplan.topology(spec), str(file))
    assert check_written(file, file.read_bytes()) == "topology"


def test_machines_that_pages_show_are_as_their_schema_says():
    shown = [b for page in PAGES for b in blocks(page.read_text("utf-8")) if b.language == "toml"]
    read = [tomllib.loads(block.text) for block in shown]
    found = [document for document in read if kind_of(document) == "topology"]
    assert len(found) > 2
    for document in found:
        checker("topology")(document)


def test_what_stands_beside_a_schedule_is_as_its_schema_says(tmp_path, plan):
    one, several = tmp_path / "plan.json", tmp_path / "set.json.gz"
    commplan.save_schedule(plan.schedule, str(one))
    files.save_set([(0, plan.schedule), (4096, plan.schedule)], str(several))
    assert check_written(one, one.read_bytes()) == "schedule"
    assert check_written(several, several.read_bytes()) == "set"
    checker("certificate")(json.loads(one.read_text())["bound"])


def test_a_contingency_is_as_its_schema_says(tmp_path, plan, schemas):
    before = schemas["contingency"]
    made = commplan.plan_contingency(plan.schedule, Watch(60.0))
    contingency_folder.save(list(made), str(tmp_path / "folder"))
    assert schemas["contingency"] == before + 1


def test_measurements_and_what_is_shipped_of_libraries_are_as_their_schemas_say(tmp_path):
    file = tmp_path / "measured.json"
    ping = launches.Ping(1e-6, 2e-6, 1e9)
    launch = launches.Launch({(0, 1): ping}, {((0, 1),): [[1e9]]})
    launches.save(str(file), ["a", "b"], [launch])
    assert check_written(file, file.read_bytes()) == "measurements"
    shipped = sorted(fitted.SHIPPED.glob("*.json"))
    assert shipped
    for each in shipped:
        checker("fit")(json.loads(each.read_text()))


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("topology", {"format": "commplan/topology/1", "name": "x"}),
        ("topology", {"format": "commplan/topology/1", "name": "x", "ranks": ["a"], "hosts": 1}),
        ("schedule", {"format": "commplan/schedule/2"}),
        ("set", {"format": "commplan/set/1", "parts": [{"start": "0"}]}),
        ("job", {"format": "commplan/job/1", "name": "x", "layout": {"tp": 0}}),
    ],
)
def test_what_is_not_of_the_kind_is_refused(kind, document):
    with pytest.raises(fastjsonschema.JsonSchemaException):
        checker(kind)(document)


def test_the_command_prints_them(call):
    for kind in KINDS:
        assert json.loads(call("schema", kind).stdout) == json.loads(json.dumps(schema(kind)))
