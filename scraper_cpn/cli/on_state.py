"""`scrape status`, `explain`, `retry`, `export`, `check`, `backup`: commands on a state.

Owns: the arguments of each command, and the function that does its work.
Must not know: how a state is read, how anything is shown.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
from msgspec import Struct
from rich.console import Console

from scraper_cpn.cli.arguments import parse
from scraper_cpn.cli.export import export
from scraper_cpn.cli.files import check_writable
from scraper_cpn.cli.words import DONE, Words, print_json, print_result, words_of
from scraper_cpn.scrape.colours import KINDS
from scraper_cpn.scrape.options.read import likely
from scraper_cpn.scrape.options.table import BY_KEY, TEXT, Option
from scraper_cpn.scrape.redact import hidden
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.states import Location

UNSOUND = 3


class Command(Struct, frozen=True):
    """A command's arguments and work."""

    does: Callable[[Words], int]
    wants: tuple[str, ...]
    options: tuple[Option, ...]
    """Its options, in addition to `help`."""


def on_state(argv: Sequence[str]) -> int:
    """Run one of the commands on states; *argv* begins with its name. Returns the exit code.

    Raises:
        UsageError: unknown words or options.
        StoreError: the state can't be read or written, or is damaged.
        OutputError: items can't be written.
    """
    name, *rest = argv
    command = COMMANDS[name]
    words = words_of(parse(rest, [*command.options, BY_KEY["help"]], name))
    if "help" in words.options:
        from scraper_cpn.show.state_help import HELP

        sys.stdout.write(HELP[name])
        return DONE
    if len(words.words) != len(command.wants):
        raise UsageError(f"{name}: {_miscounted(name, command, words.words)}; see scrape {name} -h")
    state = str(words.state)
    try:
        return command.does(words)
    except StoreError as error:
        if state in str(error):
            raise
        raise StoreError(error.kind, f"{state}: {error}") from error


def _miscounted(name: str, command: Command, words: Sequence[str]) -> str:
    """What is wrong with too few or too many words."""
    into = "[-o FILE]" if BY_KEY["output"] in command.options else ""
    usage = " ".join(["scrape", name, *command.wants, into]).rstrip()
    if len(words) < len(command.wants):
        return f"give {_listed(command.wants)}: {usage}"
    return f"{hidden(words[len(command.wants)])} is one word too many: {usage}"


def _listed(wants: Sequence[str]) -> str:
    return " and ".join({"STATE": "the file of a state"}.get(word, f"a {word}") for word in wants)


# The commands.


def _status(words: Words) -> int:
    from scraper_cpn.scrape.state.status import state_status
    from scraper_cpn.show.state import status_lines

    status = state_status(words.state, words.run)
    return print_result(words, status, status_lines(status))


def _explain(words: Words) -> int:
    from scraper_cpn.scrape.state.explain import explain
    from scraper_cpn.scrape.urls import seed_url
    from scraper_cpn.show.explanation import explanation_lines

    where = explain(words.state, seed_url(words.words[1]), words.run)
    return print_result(words, where.to_show(), explanation_lines(where, words.named()))


def _retry(words: Words) -> int:
    from scraper_cpn.scrape.account.ledger import UNSURE
    from scraper_cpn.scrape.state.retry import unsure_rows
    from scraper_cpn.scrape.state.run import kept, resuming
    from scraper_cpn.show.accounts import retry_lines
    from scraper_cpn.store.states import look

    kinds = kinds_of(words)
    found = anyio.run(_retry_failed, words, kinds)
    with look(words.state) as reader:
        log = reader.run(words.run)
        handled, unsure = kept(log.metadata()).handled, unsure_rows(log)
    command = resuming(words.named(), handled=handled)
    record = {"put_back": sum(found.values()), "kinds": found, "unsure": unsure, "next": command}
    again = f"scrape retry {words.named()} --kind {UNSURE}"
    return print_result(words, record, retry_lines(found, command, unsure, again))


def kinds_of(words: Words) -> Sequence[str] | None:
    """The kinds of failure that were given; None for none. Raises `UsageError`."""
    kinds: Sequence[str] | None = words.options.get("kind")
    for kind in kinds or ():
        if kind not in KINDS:
            raise UsageError(
                f"--kind {kind}: not a kind of failure{likely(kind, KINDS)}; one of {', '.join(KINDS)}"
            )
    return kinds


async def _retry_failed(words: Words, kinds: Sequence[str] | None) -> dict[str, int]:
    from scraper_cpn.scrape.state.retry import retry_failed
    from scraper_cpn.store.states import open_run

    store = open_run(words.state, words.run)
    try:
        return await retry_failed(store, kinds)
    finally:
        with anyio.CancelScope(shield=True):
            await store.close()


def _check(words: Words) -> int:
    return _checked(words, words.state, {})


def _backup(words: Words) -> int:
    from scraper_cpn.store.backup import backup

    copy, state = Path(words.words[1]), words.state
    if not isinstance(state, Path):
        raise UsageError(
            "backup: a state on PostgreSQL is copied with the database's own tools: pg_dump --schema=scrape"
        )
    if not os.path.lexists(copy):  # `backup` refuses to overwrite anything
        check_writable("backup", str(copy))
    backup(state, copy)
    return _checked(words, copy, {"backup": str(copy), "bytes": copy.stat().st_size})


def _checked(words: Words, path: Location, more: Mapping[str, Any]) -> int:
    """Check a state and report on it; *more* is added to the report."""
    from scraper_cpn.scrape.state.check import audits
    from scraper_cpn.show.accounts import check_lines
    from scraper_cpn.show.work import progress

    began_ns = time.monotonic_ns()
    try:
        with progress(Console(stderr=True)) as shown:
            found = audits(
                path, words.run, lambda run, *far: shown(f"replaying {run}, batch", *far)
            )
    except StoreError as error:
        if error.kind == "damaged" and words.json:
            print_json({"sound": False, "state": str(path), "wrong": str(error), **more})
            return UNSOUND
        raise
    lasted_ns = time.monotonic_ns() - began_ns
    record = {"sound": True, "state": str(path), "lasted_ns": lasted_ns, "runs": found, **more}
    return print_result(words, record, check_lines(str(path), found, lasted_ns, more.get("bytes")))


_RUN, _JSON, _OUTPUT, _OVERWRITE, _FAILED = (
    BY_KEY[key] for key in ("run", "json", "output", "overwrite", "failed")
)
_FORM = (BY_KEY["format"], BY_KEY["csv_excel"])
KIND = Option(
    name="kind",
    kind=TEXT,
    group="",
    many=True,
    help="only this kind of failure, as status names it",
)

COMMANDS = {
    "status": Command(_status, ("STATE",), (_RUN, _JSON)),
    "explain": Command(_explain, ("STATE", "URL"), (_RUN, _JSON)),
    "retry": Command(_retry, ("STATE",), (_RUN, _JSON, KIND)),
    "export": Command(export, ("STATE",), (_RUN, _JSON, _OUTPUT, *_FORM, _OVERWRITE, _FAILED)),
    "check": Command(_check, ("STATE",), (_RUN, _JSON)),
    "backup": Command(_backup, ("STATE", "FILE"), (_JSON,)),
}
"""The commands on states, by name."""
