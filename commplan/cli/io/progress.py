"""What is going on, shown on standard error while a person waits, and nowhere else."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf

from commplan.cli import is_crowded, startup_delay
from commplan.cli.io.quantities import gap, percent
from solvers.settings.deadline import News, Watch
from topologies.model.units import Seconds, duration, rate


@contextmanager
def progress(seconds: Seconds = inf) -> Iterator[Watch]:
    """Give a watch whose news are shown in one line; the line is gone at the end.

    On a busy computer the seconds begin before: with the command, but for what that always takes.
    """
    asked = "" if seconds == inf else f"of {duration(seconds)}:"
    seconds -= startup_delay()
    if sys.stderr is None or not sys.stderr.isatty():  # it may be closed
        yield Watch(seconds, crowded=is_crowded())
        return
    # Only a person needs these, and they take time to load.
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    console = Console(stderr=True)
    limit = TextColumn(asked, table_column=Column(no_wrap=True, min_width=len(asked)))
    passed = TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=len("0:00:00")))
    doing = TextColumn("{task.description}", table_column=Column(no_wrap=True, ratio=1))
    columns = (SpinnerColumn(), passed, limit, doing)
    with Progress(
        *columns, console=console, transient=True, expand=True, disable=not console.is_terminal
    ) as bar:
        line = bar.add_task("starting", total=None)

        def on_progress(news: News) -> None:
            bar.update(line, description=in_words(news))

        yield Watch(seconds, on_progress, crowded=is_crowded())


def in_words(news: News) -> str:
    """Put news into words: the bound, the best and the gap, then what is done, which may be cut."""
    words = []
    limit = news.bound.algbw if news.bound else None
    if limit is not None:
        words.append(f"bound {rate(limit)}")
    if news.best:
        words.append(f"best {rate(news.best)}")
    if limit is not None and news.best:
        words.append(f"gap {percent(gap(news.best, limit))}")
    return ", ".join([*words, news.doing])


def name_untried(not_tried: Sequence[str]) -> str:
    """Say what was not tried, and why."""
    return f"{', '.join(not_tried)}: the time was over"
