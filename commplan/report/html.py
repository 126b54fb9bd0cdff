"""Pieces of pages in HTML: texts, tables, and a page that needs no network."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.resources import files as resources

from topologies.model.messages import printable

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def text(content: object) -> str:
    """Write a text into HTML."""
    return escape(printable(str(content)))


def table(head: Sequence[str], rows: Iterable[Sequence[object]], name: str) -> Iterator[str]:
    """Write a table that can be searched where it is long."""
    yield f'<div class="wide"><table id="{name}"><thead><tr>'
    yield "".join(f"<th>{text(each)}</th>" for each in head) + "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{text(each)}</td>" for each in row) + "</tr>"
    yield "</tbody></table></div>"


def figures(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Write what is told in a few figures: a name, the figure, and more of it."""
    yield '<dl class="figures">'
    for name, figure, more in rows:
        yield f"<div><dt>{text(name)}</dt><dd>{text(figure)}</dd><p>{text(more)}</p></div>"
    yield "</dl>"


def assemble(title: str, body: Iterable[str], data: str | None = None) -> str:
    """Make a page of its parts; with data it has the script that shows them.

    The page forbids itself to load anything.
    """
    style, script = (
        resources("commplan.report").joinpath(name).read_text("utf-8")
        for name in ("page.css", "page.js")
    )
    scripts = (
        f'<script type="application/json" id="data">{data}</script>',
        f"<script>\n{script}</script>",
    )
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>",
            *body,
            "</main>",
            *(scripts if data is not None else ()),
            "</body>\n</html>\n",
        ]
    )
