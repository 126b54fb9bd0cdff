"""Things that have names: those of ours, and those that packages of others bring.

A package of others brings a thing by an entry point, in the group that a registry states:

    [project.entry-points."commplan.presets"]
    "my-machine" = "my_package.machines:PRESET"

Entry points are looked at when a name is not one of ours, or when all names are listed, and each is
imported when it is asked for. What is broken in one package is told in one line, with the name of
that package, and stands in nobody's way but of who asks for it.
"""

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from topologies.model.arguments import of, refuse
from topologies.model.errors import WRONG_INPUT, ArgumentError, CommplanError
from topologies.model.messages import one_line, unknown

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

Thing = TypeVar("Thing")


class PluginError(CommplanError, RuntimeWarning):
    """What a package of others brings is of no use; a line with the name of the package.

    It is raised where that thing is asked for, and a warning where all are listed.
    """

    exit_code = WRONG_INPUT


class Registry(Generic[Thing]):
    """Things of one kind by their names, in the order of their registration; ours come first.

    Args:
        what: the word for one of them in messages.
        kind: the class of all of them.
        group: that of the entry points.
        unknown_error: makes the error of a name that nothing has.
    """

    def __init__(
        self,
        what: str,
        kind: type[Thing],
        group: str,
        known: Mapping[str, Thing] | None = None,
        *,
        unknown_error: Callable[[str], Exception] = ArgumentError,
    ) -> None:
        self.what, self.kind, self.group = what, kind, group
        self._error = unknown_error
        self._known = dict(known or {})
        self._ours = frozenset(self._known)
        # For each path of modules, as another one may bring another thing of the same name.
        self._loaded: dict[tuple[str, ...], dict[str, Thing | PluginError]] = {}

    def register(self, name: str, thing: Thing) -> None:
        """Give a thing a name, for as long as this process lives.

        Raises:
            ArgumentError: the name is no name or taken, or the thing is not of the kind.
        """
        if not isinstance(name, str) or not name.strip() or ":" in name:
            refuse("name", name, "a name without a colon")
        if name in self._known:
            raise ArgumentError(one_line(f"name: there is a {self.what} {name!r} already"))
        self._known[name] = of(self.what, thing, self.kind)

    def remove(self, name: str) -> None:
        """Forget what `register` was told."""
        del self._known[name]

    def names(self) -> tuple[str, ...]:
        """List all names; what packages of others bring is named without being imported."""
        return tuple(dict.fromkeys([*self._known, *_entry_points(self.group)]))

    def get(self, name: object) -> Thing:
        """Look up the thing that has a name.

        Raises:
            PluginError: a package of others brings it, but it cannot be used.
            Exception: nothing has the name; `unknown_error` of a line that tells the nearest one.
        """
        if not isinstance(name, str) or name not in self:
            raise self._error(one_line(unknown(self.what, name, self.names())))
        if name in self._known:
            return self._known[name]
        found = self._plugin(name)
        if isinstance(found, PluginError):
            raise found
        return found

    def is_ours(self, name: str) -> bool:
        """Tell whether a name was known from the beginning: what others bring is not trusted."""
        return name in self._ours

    def items(self) -> Iterator[tuple[str, Thing]]:
        """List all names with their things; those that cannot be used are left out, with a warning.

        Each of them is warned of once.
        """
        yield from list(self._known.items())
        for name in _entry_points(self.group):
            new = name not in self._loaded.get(tuple(sys.path), {})
            if name not in self._known:
                found = self._plugin(name)
                if not isinstance(found, PluginError):
                    yield name, found
                elif new:
                    warnings.warn(found, stacklevel=2)

    def values(self) -> Iterator[Thing]:
        """List all things, as `items` does."""
        return (thing for _, thing in self.items())

    def __getitem__(self, name: str) -> Thing:
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        known = isinstance(name, str) and name in self._known
        return known or (isinstance(name, str) and name in _entry_points(self.group))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def _plugin(self, name: str) -> Thing | PluginError:
        """Import what a package of others brings, once."""
        loaded = self._loaded.setdefault(tuple(sys.path), {})
        if name not in loaded:
            loaded[name] = self._import(name, _entry_points(self.group)[name])
        return loaded[name]

    def _import(self, name: str, entry: "EntryPoint") -> Thing | PluginError:
        """Import a thing, or say why it is of no use; whatever its package does ends here."""
        place = f"package {_name(entry.dist)}: {self.what} {name!r}"
        try:
            found: Any = entry.load()
        except Exception as error:
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            return PluginError(one_line(f"{place} cannot be imported: {why}"))
        if isinstance(found, self.kind):
            return found
        kinds = f"{type(found).__name__}, expected {self.kind.__name__}"
        return PluginError(one_line(f"{place} is of the type {kinds}"))


def _entry_points(group: str) -> Mapping[str, "EntryPoint"]:
    """Find the entry points of a group by their names; the path may have changed meanwhile."""
    return _find_entry_points(tuple(sys.path)).get(group, {})


@cache
def _find_entry_points(path: tuple[str, ...]) -> Mapping[str, Mapping[str, "EntryPoint"]]:
    """Find the entry points of all our groups; of two with one name, the first on the path counts.

    A package whose list cannot be read is left out, with a warning.
    """
    # Most commands need no names but ours.
    from importlib.metadata import distributions

    groups: dict[str, dict[str, EntryPoint]] = {}
    for package in distributions(path=list(path)):
        try:
            found = [each for each in package.entry_points if each.group.startswith("commplan.")]
        except Exception as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
            line = f"package {_name(package)}: its entry points cannot be read: {why}"
            warnings.warn(PluginError(one_line(line)), stacklevel=2)
            continue
        for each in found:
            groups.setdefault(each.group, {}).setdefault(each.name, each)
    return groups


def _name(package: "Distribution | None") -> str:
    """Name a package, as far as its files tell."""
    try:
        return str(package.name) if package and package.name else "without a name"
    except Exception:
        return "without a name"
