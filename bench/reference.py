"""The reference, made from the code: commands and their options, public names, kinds of files.

`python -m bench.reference -o FOLDER` writes the pages and the JSON Schemas; `make docs` has them on
the site. They are never kept, so they cannot be out of date.
"""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import click

from commplan import library
from commplan.cli.examples import EXAMPLES
from commplan.cli.group import commands
from commplan.schemas.schemas import KINDS, schema
from topologies.model.registry import Registry

FOLDER = "reference"
SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Attributes|Example):\s*$")
ITEM = re.compile(r"^ {4}([\w*., ]+): (.*)$")
COMMON = ("--json", "--debug", "-h, --help", "--help")  # options of every command
_ARRAY = "numpy.ndarray[tuple[typing.Any, ...], numpy.dtype[numpy.{}]]"
ARRAYS = {
    _ARRAY.format("int64"): "IntArray",
    _ARRAY.format("float64"): "FloatArray",
    _ARRAY.format("bool"): "BoolArray",
}
# What each kind of file is, and who writes it.
TOLD = {
    "topology": ("a machine", "`commplan topology NAME -o FILE`, `commplan import`, you"),
    "schedule": ("a schedule with its machine and its bound", "`commplan compile -o FILE`"),
    "set": ("schedules for sizes that ascend", "`commplan compile --sizes A:B -o FILE`"),
    "certificate": ("the field `bound` of a schedule: a rate and its proof", "(in schedules)"),
    "job": ("a training or serving job", "you; see [a training job](../job.md)"),
    "job-plan": ("`job.json` in the folder of a planned job", "`commplan job JOB MACHINE -o`"),
    "contingency": ("`contingency.json` in the folder of plans", "`commplan contingency -o`"),
    "measurements": (
        "what processes measured between each other",
        "`commplan calibrate --launches`",
    ),
    "fit": ("what was fitted of a library", "`commplan fit --json`"),
}


def pages() -> dict[str, str]:
    """Make every page and schema, by its name in the folder."""
    return {
        "commands.md": commands_page(),
        "library.md": library_page(),
        "formats.md": formats_page(),
        **{f"{kind}.schema.json": json.dumps(schema(kind), indent=1) + "\n" for kind in KINDS},
    }


def commands_page() -> str:
    """Write all commands with their options, as `--help` has them."""
    head = [
        "# Commands",
        "",
        "Made from the commands themselves; `commplan COMMAND --help` says the same in a shell.",
        "All take `--json` (one JSON object) and `--debug` (the trace of an internal error).",
        "",
    ]
    return "\n".join([*head, *_command("commplan", commands)])


def _command(name: str, found: click.Command) -> Iterator[str]:
    """Write a command, and those below it."""
    context = click.Context(found, info_name=name)
    yield f"## {name}"
    yield ""
    yield f"`{' '.join([name, *found.collect_usage_pieces(context)])}`"
    yield ""
    yield from _text(found.help or "")
    rows = [
        record for each in found.get_params(context) if (record := each.get_help_record(context))
    ]
    yield from _table("option", rows)
    yield from ["```text", *EXAMPLES[name.partition(" ")[2]], "```", ""]
    if isinstance(found, click.Group):
        for word in found.list_commands(context):
            inner = found.get_command(context, word)
            assert inner is not None
            yield from _command(f"{name} {word}", inner)


def _text(help_text: str) -> Iterator[str]:
    """Write paragraphs; those that click keeps as they are become blocks of code."""
    for part in re.split(r"\n\s*\n", inspect.cleandoc(help_text)):
        if part.startswith("\b\n"):
            yield from ["```text", *dedent(part[2:]).splitlines(), "```", ""]
        else:
            yield from [_escape(" ".join(part.split())), ""]


def _table(head: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    """Write what options say, but for those that all commands have, and arguments."""
    told = [(name, text) for name, text in rows if text and not name.startswith(COMMON)]
    if told:
        yield from [f"| {head} | |", "|---|---|"]
    for name, text in told:
        yield f"| <code>{_cell(_html(name))}</code> | {_cell(_escape(' '.join(text.split())))} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "&#124;")


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _escape(text: str) -> str:
    """Write text so that nothing in it is taken for HTML or emphasis, outside of backquotes."""
    parts = text.split("`")
    for i in range(0, len(parts), 2):
        parts[i] = re.sub(r"([*_\[\]])", r"\\\1", _html(parts[i]))
    return "`".join(parts)


def library_page() -> str:
    """Write all public names: functions, then classes, errors and registries."""
    names = {name: getattr(library, name) for name in library.__all__}
    errors = {n: v for n, v in names.items() if _is_error(v)}
    classes = {n: v for n, v in names.items() if inspect.isclass(v) and n not in errors}
    functions = {n: v for n, v in names.items() if inspect.isfunction(v)}
    others = {n: v for n, v in names.items() if isinstance(v, Registry)}
    known = {*errors, *classes, *functions, *others}
    assert known == set(names), f"not described: {sorted(set(names) - known)}"
    lines = ["# Library", "", "Everything that `import commplan` has, made from the code.", ""]
    for title, group in (
        ("Functions", functions),
        ("Classes", classes),
        ("Errors", errors),
        ("Registries", others),
    ):
        lines += [f"## {title}", ""]
        for name, value in group.items():
            lines += list(_name(name, value))
    return "\n".join(lines)


def _is_error(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, BaseException)


def _name(name: str, value: object) -> Iterator[str]:
    """Write one public name."""
    yield f"### {name}"
    yield ""
    if isinstance(value, Registry):
        listed = ", ".join(f"`{each}`" for each, _ in value.items())
        yield f"Holds by name what is a {value.what}: {listed}."
        yield ""
        return
    if not _is_error(value):
        yield from ["```python", f"{name}{_signature(value)}", "```", ""]
    yield from docstring(inspect.getdoc(value) or "")
    if inspect.isclass(value) and not _is_error(value):
        yield from _methods(name, value)


def _signature(value: object) -> str:
    """Write what is taken and given, with names as a person imports them."""
    assert callable(value)
    told = str(inspect.signature(value)).replace(" -> None", "")
    for full, short in ARRAYS.items():
        told = told.replace(full, short)
    told = re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z_a-z])", "", told)
    return re.sub(r"<\w+ object at 0x[0-9a-f]+>", "...", told)  # else another at each build


def _methods(owner: str, value: type) -> Iterator[str]:
    """Write the public methods and properties that a class states itself."""
    for name, member in vars(value).items():
        inner = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        told = inspect.getdoc(inner)
        if name.startswith("_") or not told:
            continue
        call = _signature(inner) if inspect.isfunction(inner) else ""
        if call or isinstance(inner, property):
            yield f"- `{owner}.{name}{call}`: {_escape(told.splitlines()[0])}"
    yield ""


def docstring(text: str) -> Iterator[str]:
    """Write a docstring with Google's sections as Markdown."""
    section, prose = "", list[str]()
    for line in text.splitlines():
        if found := SECTION.match(line):
            yield from _prose(prose)
            section, prose = found[1], []
            yield from ["", f"*{section}*", ""]
        elif section == "Example":
            prose.append(line)
        elif section and (item := ITEM.match(line)):
            yield f"- `{item[1]}`: {_escape(item[2])}"
        elif section and line.strip():
            yield f"  {_escape(line.strip())}"
        elif not section:
            prose.append(line)
    yield from _code(prose) if section == "Example" else _prose(prose)
    yield ""


def _prose(lines: list[str]) -> Iterator[str]:
    """Write paragraphs; what is indented is code."""
    for line in lines:
        yield line if line.startswith("    ") else _escape(line)


def _code(lines: list[str]) -> Iterator[str]:
    yield from ["```python", *dedent("\n".join(lines)).strip().splitlines(), "```"]


def formats_page() -> str:
    """Write what kinds of files there are, with the fields of each."""
    lines = [
        "# File formats",
        "",
        "Every file is JSON (a topology may be TOML as well), and says in `format` what it is.",
        "`commplan schema KIND` prints the JSON Schema of each; every file that the tests write is",
        "held to it. Names that end in `.gz` are compressed. A schema says what a file looks like.",
        "Whether its parts fit each other the reader says; whether it is right, `commplan verify`.",
        "",
        "| kind | `format` | what it holds | who writes it | schema |",
        "|---|---|---|---|---|",
    ]
    for kind in KINDS:
        what, writer = TOLD[kind]
        file = f"[{kind}.schema.json]({kind}.schema.json)"
        lines.append(f"| {kind} | `{schema(kind)['title']}` | {what} | {writer} | {file} |")
    for kind in KINDS:
        lines += ["", f"## {kind}", "", *_fields(schema(kind))]
    return "\n".join(lines) + "\n"


def _fields(found: Mapping[str, object]) -> Iterator[str]:
    """Write the fields of a file's top level."""
    parts = found.get("$defs", {})
    assert isinstance(parts, dict)
    top = parts[str(found["$ref"]).rpartition("/")[2]] if "$ref" in found else found
    assert isinstance(top, dict)
    needed = top.get("required", [])
    yield "| field | | |"
    yield "|---|---|---|"
    for name, what in top["properties"].items():
        told = ", ".join(sorted(_kinds(what)))
        yield f"| `{name}` | {told} | {'' if name in needed else 'may be left out'} |"


def _kinds(what: Mapping[str, object]) -> set[str]:
    """Say of which kinds a value may be."""
    if "const" in what:
        return {f"`{what['const']}`"}
    if "enum" in what:
        values = what["enum"]
        assert isinstance(values, list)
        return {f"`{value}`" for value in values if value != ""}
    if "anyOf" in what:
        each = what["anyOf"]
        assert isinstance(each, list)
        return set().union(*map(_kinds, each))
    if "$ref" in what:
        return {"table"}
    named = {"object": "table", "array": "list", "string": "text", "integer": "whole number"}
    kinds = what.get("type", "anything")
    return {named.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else list(kinds))}  # type: ignore[call-overload]


@click.command()
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True)
def main(output: Path) -> None:
    """Write the pages and schemas into a folder."""
    output.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (output / name).write_text(text, encoding="utf-8")
        click.echo(f"{output / name}: {len(text):,} characters")


if __name__ == "__main__":
    main()
