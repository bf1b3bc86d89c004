"""A progress bar for long work, on a terminal.

Owns: the bar, which is shown only on a terminal.
Must not know: what the work is.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar during work; call the function with what is done, how much of it, and the total."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    shown = console.is_terminal and not console.is_dumb_terminal
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not shown
    ) as bar:
        task = bar.add_task("", total=None, visible=False)

        def report(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of, visible=True)

        yield report
