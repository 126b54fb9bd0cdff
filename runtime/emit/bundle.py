"""Definitions of modules of ours as text, with all that they use, for emitted programs."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

OURS = ("runtime", "solvers", "topologies")
# Types of which an emitted program needs no more than the name.
NAMED = ("Collective",)
Import = ast.Import | ast.ImportFrom


class Module:
    """The text of a module: what it defines, and where the other names in it come from."""

    def __init__(self, name: str) -> None:
        package, _, last = name.rpartition(".")
        self.text = files(package).joinpath(f"{last}.py").read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)
        self.definitions = {name: node for node in self.tree.body for name in list_defined(node)}
        self.imports = {
            (alias.asname or alias.name): (node, alias)
            for node in self.tree.body
            if isinstance(node, Import)
            for alias in node.names
        }


@cache
def read(name: str) -> Module:
    """Read a module of ours."""
    return Module(name)


class Bundle:
    """What is needed: definitions by their modules, and imports of what is not ours."""

    def __init__(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Find all that the wanted names, each of a module, make use of."""
        self.needed: dict[str, set[str]] = {}
        self.imports: list[Import] = []
        self.named: set[str] = set()
        for module, name in wanted:
            self._need(module, name)

    def _need(self, module: str, name: str) -> None:
        if name in NAMED:
            self.named.add(name)
            return
        known = self.needed.setdefault(module, set())
        if name in known:
            return
        known.add(name)
        held = read(module)
        for used in _used(held.definitions[name]):
            if used in held.definitions:
                self._need(module, used)
            elif used in held.imports:
                self._import(*held.imports[used])

    def _import(self, node: Import, alias: ast.alias) -> None:
        if isinstance(node, ast.ImportFrom) and is_ours(node):
            self._need(str(node.module), alias.name)
        elif isinstance(node, ast.ImportFrom):
            self.imports.append(ast.ImportFrom(node.module, [alias], 0))
        else:
            self.imports.append(ast.Import([alias]))

    def texts(self) -> Iterator[tuple[str, str]]:
        """Give each module's file and sentence, and its definitions; those used come first."""
        ordered: list[str] = []
        for module in self.needed:
            self._order(module, ordered)
        for module in ordered:
            held, known = read(module), self.needed[module]
            nodes = {id(node): node for name, node in held.definitions.items() if name in known}
            lines = held.text.splitlines()
            sentence = (ast.get_docstring(held.tree) or "").split("\n\n")[0]
            yield (
                f"{module.replace('.', '/')}.py\n# {sentence}",
                "\n\n\n".join(_source(lines, node) for node in nodes.values()),
            )

    def _order(self, module: str, ordered: list[str]) -> None:
        if module in ordered:
            return
        for node, _ in read(module).imports.values():
            if isinstance(node, ast.ImportFrom) and node.module in self.needed:
                self._order(node.module, ordered)
        ordered.append(module)


def is_ours(node: Import) -> bool:
    """Tell whether an import is of a module of ours."""
    return str(getattr(node, "module", "")).split(".")[0] in OURS


def list_defined(node: ast.stmt) -> list[str]:
    """List the names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return [name for target in targets for name in _stored(target)]


def _stored(node: ast.AST) -> list[str]:
    """List the names that are given a value."""
    names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
    return [each.id for each in names if isinstance(each.ctx, ast.Store)]


@cache  # by the node itself, of which there is one for each definition
def _used(node: ast.stmt) -> tuple[str, ...]:
    """List the names that a definition uses, but for its own; annotations may be strings."""
    own = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    if isinstance(node, ast.FunctionDef):
        own.update(_stored(node))
    names = [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
    texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
    names += [text for text in texts if isinstance(text, str) and text.isidentifier()]
    return tuple(name for name in dict.fromkeys(names) if name not in own)


def _source(lines: list[str], node: ast.stmt) -> str:
    """Give the text of a definition, with the comment above it."""
    marks = [each.lineno for each in getattr(node, "decorator_list", [])]
    first = min([node.lineno, *marks]) - 1
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return "\n".join(lines[first : node.end_lineno])
