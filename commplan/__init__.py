"""The fastest collective that a machine allows, with the proof, as a program that runs.

>>> import commplan
>>> machine = commplan.topology("ring:4")
>>> made = commplan.plan(machine, commplan.collective("all_gather", range(4)))
>>> made.report.optimal
True

The names stand in `commplan.library`, which is imported when the first of them is asked for: the
command line must be able to end in order while numpy and the solvers are still being loaded.
"""

from commplan._version import VERSION

__version__ = VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from commplan.library import *  # noqa: F403 (its own list of names)
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module

        try:
            return getattr(import_module("commplan.library"), name)
        except AttributeError:
            raise AttributeError(f"module 'commplan' has no attribute {name!r}") from None
