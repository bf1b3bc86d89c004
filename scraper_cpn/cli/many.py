"""Crawls of many workers: creating one, and the commands that look at it, stop it and let it go on.

Owns: what these commands take and print.
Must not know: how a crawl is divided or run, SQL.
"""

import hashlib
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console

from scraper_cpn.cli.arguments import Arguments, given_options, parse
from scraper_cpn.cli.export import check_outputs, reported
from scraper_cpn.cli.job import asked_for
from scraper_cpn.cli.on_state import KIND, kinds_of
from scraper_cpn.cli.words import DONE, Words, print_json, print_result, words_of
from scraper_cpn.scrape.options.read import own_options
from scraper_cpn.scrape.options.table import BY_KEY, PORT, SWITCH, Option
from scraper_cpn.scrape.settings import Settings, UsageError

if TYPE_CHECKING:
    from scraper_cpn.scrape.crawl import Crawl
    from scraper_cpn.scrape.many.work import Program

_ELSEWHERE = {
    "output": "write items with scrape export --database",
    "append": "write items with scrape export --database",
    "overwrite": "write items with scrape export --database",
    "state": "give one of the two",
    "run": "give --name",
    "failed": "write them with scrape export --database ... --failed FILE",
    "trace": "traces are of one process; leave it out",
}
"""Options of a crawl that have another way here."""


def address(options: dict[str, Any]) -> str:
    """The address of a crawl: that of the database, with the crawl's name. Raises `UsageError`."""
    from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

    database, name = options.get("database"), options.get("name")
    if not database:
        raise UsageError(
            "--database: give the address of the database: --database postgres://user@host/database"
        )
    if str(database).partition("://")[0] not in ("postgres", "postgresql"):
        raise UsageError(
            "--database: this is no address of a database; give postgres://user@host:5432/database"
        )
    if name is None:
        return str(database)
    from scraper_cpn.store.postgres.address import address_of

    address_of(str(database))  # refuses what can't be read
    parts = urlsplit(str(database))
    given = [pair for pair in parse_qsl(parts.query) if pair[0] != "name"]
    return urlunsplit(parts._replace(query=urlencode([*given, ("name", str(name))], safe="/")))


def does(program: "Crawl[Any] | None", path: str | None) -> "Program | None":
    """What a program adds to a crawl; None without one."""
    if program is None or path is None:
        return None
    from scraper_cpn.scrape.many.work import Program

    return Program(
        handlers=program.handlers,
        hooks=program.hooks,
        item_type=program.item_type,
        digest=hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16],
    )


def create(arguments: Arguments) -> int:
    """Create a crawl that workers will do. Raises `UsageError` or `StoreError`."""
    given = given_options(arguments)
    own = own_options(given)
    for key, way in _ELSEWHERE.items():
        if key in own:
            raise UsageError(f"{given[key].where}: not with --database; {way}")
    asked = asked_for(arguments, given, own)
    program, settings = asked.program, asked.settings
    if program is not None and program.output is not None:
        raise UsageError(
            f"{arguments.words[1]}: Crawl(output=...) does not go with --database; leave it out, and {_ELSEWHERE['output']}"
        )
    from scraper_cpn.cluster import PARTITIONS
    from scraper_cpn.scrape.many.crawls import create as create_crawl

    path = str(Path(arguments.words[1]).absolute()) if program else None
    partitions = own.get("partitions", PARTITIONS)
    if "concurrency" not in given and settings.concurrency == Settings().concurrency:
        settings = replace(settings, concurrency=settings.concurrency * partitions)
    dsn = address(own)
    number = anyio.run(
        lambda: create_crawl(
            dsn,
            settings,
            asked.seeds,
            partitions=partitions,
            unread=asked.unread,
            bad=asked.bad,
            program=path,
            does=does(program, path),
        )
    )
    words_ = [*([shlex.quote(arguments.words[1])] if program else []), _named(own)]
    command = " ".join(["scrape worker", *words_, "--processes 2"])
    if own.get("json"):
        print_json({"seeds": number, "partitions": partitions, "next": command})
    elif not own.get("quiet"):
        from scraper_cpn.show.words import counted

        sys.stderr.write(
            f"created: {counted(number, 'seed')}, {partitions} partitions; now start workers, here and on other machines:\n"
            f"  {command}\n"
        )
    return DONE


def _named(options: dict[str, Any]) -> str:
    """The options that name a crawl, for a shell, without a password."""
    from scraper_cpn.store.postgres.address import address_of

    shown = str(address_of(str(options["database"])))
    name = ["--name", shlex.quote(str(options["name"]))] if "name" in options else []
    return " ".join(["--database", shlex.quote(shown), *name])


# The commands on a crawl.


class Command(Struct, frozen=True):
    """A command: its work, and its options beside those that name a crawl."""

    does: Callable[[Words, str], int]
    options: tuple[Option, ...] = ()
    words: int = 0
    """How many words it takes."""


def on_database(argv: Sequence[str]) -> int:
    """Run one of the commands on a crawl in a database; *argv* begins with its name.

    Raises:
        UsageError: unknown words or options.
        StoreError: there is no such crawl, or the database can't be reached.
    """
    name, *rest = argv
    if name not in COMMANDS:
        raise UsageError(
            f"{name}: not with --database; the commands on a crawl in a database are {', '.join(COMMANDS)}"
        )
    command = COMMANDS[name]
    known = [*command.options, *(BY_KEY[key] for key in ("database", "name", "json", "help"))]
    words = words_of(parse(rest, known, name))
    if "help" in words.options:
        from scraper_cpn.show.many_help import MANY_HELP

        sys.stdout.write(MANY_HELP[name])
        return DONE
    if len(words.words) != command.words:
        raise UsageError(
            f"{name}: takes {command.words or 'no'} words beside --database and --name"
        )
    return command.does(words, address(words.options))


def _status(words: Words, dsn: str) -> int:
    from scraper_cpn.scrape.many.crawls import look
    from scraper_cpn.scrape.many.status import many_status
    from scraper_cpn.show.many import many_lines

    known, follow, port = anyio.run(look, dsn), "follow" in words.options, _port(words)
    if follow or port is not None:
        from scraper_cpn.cli.watch import watch

        return watch(words, known, follow=follow, port=port)
    status = many_status(known)
    return print_result(words, status, many_lines(status))


def _port(words: Words) -> int | None:
    if "metrics" not in words.options:
        return None
    try:
        return int(_METRICS.kind.read(words.options["metrics"]))
    except ValueError as error:
        raise UsageError(f"--metrics: {error}") from None


def _stop(words: Words, dsn: str) -> int:
    from scraper_cpn.cluster.crawl import stop

    anyio.run(stop, dsn)
    return _told(words, "stopped: workers let running requests end, then leave; resume undoes it")


def _resume(words: Words, dsn: str) -> int:
    from scraper_cpn.cluster.crawl import resume

    anyio.run(resume, dsn)
    return _told(words, f"workers may go on: scrape worker {_named(words.options)}")


def _told(words: Words, line: str) -> int:
    return print_result(words, {"done": line}, [line])


def _explain(words: Words, dsn: str) -> int:
    from scraper_cpn.scrape.many.crawls import look
    from scraper_cpn.scrape.many.explain import explain_in
    from scraper_cpn.scrape.urls import seed_url
    from scraper_cpn.show.explanation import explanation_lines

    where = explain_in(anyio.run(look, dsn), seed_url(words.words[0]))
    return print_result(words, where.to_show(), explanation_lines(where, _named(words.options)))


def _check(words: Words, dsn: str) -> int:
    from scraper_cpn.scrape.many.check import audit
    from scraper_cpn.scrape.many.crawls import look
    from scraper_cpn.show.words import counted
    from scraper_cpn.show.work import progress

    with progress(Console(stderr=True)) as shown:
        found = audit(anyio.run(look, dsn), lambda done, of: shown("partitions checked", done, of))
    since = f", in {counted(found.bases, 'partition')} since a later batch" if found.bases else ""
    sound = (
        f"sound: {found.partitions} partitions, {counted(found.tokens, 'token')}, {counted(found.pages, 'page')}, "
        f"{counted(found.items, 'item')}, {counted(found.failures, 'failed attempt')}"
    )
    batches = (
        f"{counted(found.batches, 'batch', 'batches')}{since}, {counted(found.firings, 'firing')}"
    )
    return print_result(words, found, [sound, f"  replayed to the same marking: {batches}"])


def _retry(words: Words, dsn: str) -> int:
    from scraper_cpn.scrape.many.crawls import look
    from scraper_cpn.scrape.many.retry import put_back

    kinds = kinds_of(words)
    found = anyio.run(put_back, anyio.run(look, dsn), kinds)
    command = f"scrape worker {_named(words.options)}"
    record = {"put_back": sum(found.values()), "kinds": found, "next": command}
    lines = [f"{number} {kind}" for kind, number in found.items()]
    summed = f"put back: {', '.join(lines)}; go on: {command}" if found else "nothing to put back"
    return print_result(words, record, [summed])


def _export(words: Words, dsn: str) -> int:
    from scraper_cpn.scrape.many.crawls import look
    from scraper_cpn.scrape.many.export import export_crawl
    from scraper_cpn.show.work import progress

    output, failed = words.options.get("output", "-"), words.options.get("failed")
    check_outputs(words, {})
    console = Console(stderr=True, highlight=False)
    with progress(console) as shown:
        account = export_crawl(
            anyio.run(look, dsn),
            output,
            failed=failed,
            overwrite="overwrite" in words.options,
            format=words.options.get("format"),
            csv_excel="csv_excel" in words.options,
            follow="follow" in words.options,
            on_progress=lambda done, of: shown("items", done, of),
        )
    return reported(words, console, account)


_OUTPUTS = tuple(BY_KEY[key] for key in ("output", "format", "csv_excel", "overwrite", "failed"))

_FOLLOW = Option(
    name="follow", kind=SWITCH, group="", help="go on with new items until the crawl has ended"
)

_WATCH = Option(
    name="follow", kind=SWITCH, group="", help="show it again until the crawl has ended"
)
_METRICS = Option(name="metrics", kind=PORT, group="", help="serve a page and metrics on PORT")

COMMANDS = {
    "status": Command(_status, (_WATCH, _METRICS)),
    "explain": Command(_explain, words=1),
    "retry": Command(_retry, (KIND,)),
    "check": Command(_check),
    "export": Command(_export, (*_OUTPUTS, _FOLLOW)),
    "stop": Command(_stop),
    "resume": Command(_resume),
}
