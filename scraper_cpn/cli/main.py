"""The `scrape` command: its subcommands, and how errors are reported.

Owns: telling commands from URLs, exit codes of errors, and reporting a user's mistake in one line.
Must not know: how a crawl is checked (`cli/job.py`) or run (`cli/crawl.py`).

Heavy modules are imported where they are needed: `scrape --help` answers at once.
"""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from scraper_cpn.cli.arguments import Arguments, parse
from scraper_cpn.cli.streams import mend_streams
from scraper_cpn.scrape.redact import complaint, of_command
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.text import check_name
from scraper_cpn.version import __version__

USAGE, OUTPUT, BUG, INTERRUPTED = 2, 3, 70, 130

_ON_STATE = frozenset({"status", "explain", "retry", "export", "check", "backup"})
"""Commands that read or change a state, without crawling."""

_ON_DATABASE = _ON_STATE | {"resume", "stop"}
"""Commands on a crawl of many workers, if a database is given."""

_OF_PROGRAMS = frozenset({"new", "test", "shell"})
"""Commands for who writes a program."""

_NAME_CHARS_MAX = 200

_USERS = {"exists", "foreign", "missing", "refused"}
"""Kinds of `StoreError` that come from a wrong name given by the user, or from missing rights."""

_NAME_ERRORS = {
    errno.EACCES,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
}
"""Errors about the name of a file, or permission to use it."""

_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
"""Errors of a disk while a file is written. They are no bugs of this program."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code. *argv* is without the program's name.

    Exit codes: 0 done; 1 a seed failed or nothing was stored; 2 usage; 3 output or state; 70 a bug of
    ours; 129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM. Never raises.
    """
    mend_streams()
    words = sys.argv[1:] if argv is None else list(argv)
    of_command(words)
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except (Exception, BaseExceptionGroup, KeyboardInterrupt) as error:  # noqa: BLE001 - here all ends
        return _explained(error)
    return code


def _dispatch(argv: list[str]) -> int:
    for word in argv:
        check_name("the command line", word)
    if argv[:1] and argv[0] in _ON_DATABASE and _in_database(argv[0], argv[1:]):
        return _many(argv)
    if argv[:1] and argv[0] in _COMMANDS:
        return _COMMANDS[argv[0]](argv[1:])
    if argv[:1] and argv[0] in _OF_PROGRAMS:
        return _of_programs(argv)
    if argv[:1] and argv[0] in _ON_STATE:
        return _state(argv)
    arguments = parse(argv)
    if "help" in arguments.options:
        return _help()
    if "version" in arguments.options:
        sys.stdout.write(f"scrape {__version__}\n")
        return 0
    if "database" in arguments.options:
        return _create(arguments)
    return _crawl(arguments)


def _help() -> int:
    from scraper_cpn.show.help import help_text

    sys.stdout.write(help_text())
    return 0


def _crawl(arguments: Arguments) -> int:
    from scraper_cpn.cli.job import job_of

    job = job_of(arguments)
    from scraper_cpn.cli.crawl import run_job

    return run_job(job)


def _resume(argv: Sequence[str]) -> int:
    from scraper_cpn.cli.resume import HELP, resume_job

    job = resume_job(argv)
    if job is None:
        sys.stdout.write(HELP)
        return 0
    from scraper_cpn.cli.crawl import run_job

    return run_job(job)


def _state(argv: Sequence[str]) -> int:
    from scraper_cpn.cli.on_state import on_state

    return on_state(argv)


def _in_database(command: str, argv: Sequence[str]) -> bool:
    """Whether a command is about a crawl in a database."""
    given = any(word == "--database" or word.startswith("--database=") for word in argv)
    return given or command == "stop"


def _many(argv: Sequence[str]) -> int:
    from scraper_cpn.cli.many import on_database

    return on_database(argv)


def _create(arguments: Arguments) -> int:
    from scraper_cpn.cli.many import create

    return create(arguments)


def _worker(argv: Sequence[str]) -> int:
    from scraper_cpn.cli.worker import worker

    return worker(argv)


def _of_programs(argv: Sequence[str]) -> int:
    if argv[0] == "new":
        from scraper_cpn.cli.new import new

        return new(argv[1:])
    if argv[0] == "test":
        from scraper_cpn.cli.replay import replay

        return replay(argv[1:])
    from scraper_cpn.cli.shell import shell

    return shell(argv[1:])


def _net(argv: Sequence[str]) -> int:
    from scraper_cpn.cli.net import show_net

    return show_net(argv)


def _simulate(argv: Sequence[str]) -> int:
    from scraper_cpn.cli.simulate import simulate

    return simulate(argv)


def _verify(argv: Sequence[str]) -> int:
    from scraper_cpn.cli.verify import verify_command

    return verify_command(argv)


def _explained(error: BaseException) -> int:
    """Report an error, in one line or as a bug of ours, and return the exit code."""
    for cause in _causes(error):
        if (code := _code_of(cause)) is not None:
            return code
    sys.stderr.write(complaint("".join(traceback.format_exception(error))))
    return _complain(
        f"this is a bug in scrape {__version__}; please report it with the lines above", BUG
    )


def _code_of(error: BaseException) -> int | None:
    """Report an error that is not a bug of ours, and return its exit code; None for a bug."""
    if isinstance(error, UsageError):
        return _complain(str(error), USAGE)
    if isinstance(error, KeyboardInterrupt):
        number = getattr(error, "number", signal.SIGINT)
        return _complain("interrupted", 128 + number)
    if isinstance(error, BrokenPipeError):
        return _end_quietly()
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        return _complain(f"can't write: {error.strerror}; make room, then run it again", OUTPUT)
    if isinstance(error, OSError) and error.errno in _NAME_ERRORS:
        return _misnamed(error)
    from scraper_cpn.scrape.items.outputs import OutputClosed, OutputError

    if isinstance(error, OutputClosed):
        return _end_quietly()
    if isinstance(error, OutputError):
        return _complain(str(error), OUTPUT)
    from scraper_cpn.store.port import BatchError, StoreError

    if isinstance(error, BatchError):
        return _complain(
            f"{error}: the crawl contradicts its state; either another program has changed the file, "
            f"or this is a bug in scrape {__version__} (please report it); "
            "this step was not written, all earlier ones were: verify the file with scrape check",
            BUG,
        )
    if isinstance(error, StoreError):
        return _complain(str(error), USAGE if error.kind in _USERS else OUTPUT)
    return _complain("interrupted", INTERRUPTED) if _came_of_interrupt(error) else None


def _misnamed(error: OSError) -> int | None:
    """Report that a file can't be used, and return the exit code; None if the user did not name that file."""
    if error.filename is None and _is_nowhere():
        return _complain(
            "the current folder does not exist any more; change to one that exists", USAGE
        )
    if not isinstance(error.filename, str | bytes):
        return None
    name = os.fsdecode(error.filename)
    if Path(name).is_relative_to(Path(__file__).parents[1]):
        return None
    shown = name if len(name) <= _NAME_CHARS_MAX else f"{name[:_NAME_CHARS_MAX]}..."
    return _complain(
        f"can't use {shown}: {error.strerror}; check the name and its permissions", USAGE
    )


def _is_nowhere() -> bool:
    """Whether the working folder of this process was removed."""
    try:
        os.getcwd()  # noqa: PTH109 - Path.cwd() calls the same function
    except OSError:
        return True
    return False


def _came_of_interrupt(error: BaseException | None) -> bool:
    """Whether this error was caused by a Ctrl-C.

    Python 3.11 turns a KeyboardInterrupt during the creation of a class, as in an import, into another
    error; so does a task group with one that comes while it ends.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions in an error's chain, including those in exception groups."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _causes(part)
    else:
        yield error


def _complain(line: str, code: int) -> int:
    from scraper_cpn.show.words import plain

    sys.stderr.write(f"scrape: {plain(complaint(' '.join(line.splitlines())))}\n")
    return code


def _end_quietly() -> int:
    """End without a message after the reader has closed our output, as in `scrape ... | head`.

    Standard output is replaced, since Python would otherwise complain when it flushes it at exit.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "net": _net,
    "simulate": _simulate,
    "verify": _verify,
    "resume": _resume,
    "worker": _worker,
}
"""Commands of their own kind."""
