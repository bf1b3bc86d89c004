"""Making a job that is ready to run from the options of a command line.

Owns: the order of checks (everything is checked before anything is fetched or written), reading
seeds, loading a program of the Python API.
Must not know: how a crawl runs, what it looks like.
"""

import importlib.util
import os
import sys
import traceback
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.cli.arguments import Arguments, given_options
from scraper_cpn.cli.files import check_files, check_writable
from scraper_cpn.cli.once import second_interrupt_ends
from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.items.bodies import bodies_of
from scraper_cpn.scrape.items.outputs import STANDARD_OUTPUT, CheckedOutput
from scraper_cpn.scrape.items.outputs.declared import Output, names_of, open_declared
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.options.read import (
    GivenValue,
    crawl_options,
    likely,
    own_options,
    settings_from,
)
from scraper_cpn.scrape.options.values import file_bytes, plain_lines
from scraper_cpn.scrape.redact import hidden, redacted
from scraper_cpn.scrape.settings import Settings, UsageError

if TYPE_CHECKING:
    from scraper_cpn.scrape.crawl import Crawl
    from scraper_cpn.scrape.seeds import BadSeed, SeedList, TextLines, Unread

STANDARD_INPUT = "standard input"
_COMMAND_CHARS_MAX = 20
"""Longer words are not meant as commands."""
COMMANDS = (
    "run", "resume", "status", "explain", "retry", "export", "check", "backup", "net", "simulate", "verify", "new",
    "test", "shell", "worker", "stop",
)  # fmt: skip


class CrawlJob(Struct, frozen=True, kw_only=True):
    """A crawl for the command to run, completely checked."""

    arguments: Arguments
    settings: Settings
    seeds: tuple[str | Link, ...]
    bad: tuple[Any, ...] = ()
    """Lines of the input that are not URLs (`scrape.seeds.BadSeed`)."""
    unread: Any = None
    """The rest of the input (`scrape.seeds.Unread`)."""
    handlers: Any = None
    """The page handlers of a program; None without one."""
    hooks: Any = None
    """The other functions of a program (a `scrape.hooks.Hooks`); None without one."""
    validator: Validator
    """Checks the items."""
    sink: CheckedOutput | None
    """The output for items, not open yet. None: items go only into the state."""
    output: str | tuple[str, ...] = "-"
    """The output in the user's spelling, or that of each type of items; the state's file if there is no output."""
    bodies: Any = None
    """The writer of bodies (a `scrape.items.bodies.Bodies`); None to save none."""
    keeping: Any = None
    """The state (a `scrape.state.files.Keeping`); None: the crawl is not kept."""
    failed: str | None = None
    trace: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    color: str = "auto"


def job_of(arguments: Arguments) -> CrawlJob:
    """Return the job of a command line. Reads the files it names. Raises `UsageError`."""
    given = given_options(arguments)
    own = own_options(given)
    for key in ("name", "partitions"):
        if key in own:
            raise UsageError(
                f"{given[key].where}: it is for a crawl in a database; give --database ADDRESS as well"
            )
    asked = asked_for(arguments, given, own)
    program, settings = asked.program, asked.settings
    file = arguments.words[1] if program else None
    more: dict[str, Any] = {"bad": asked.bad, "unread": asked.unread}
    keeping = _keeping(own, file, more, keep_cookies=settings.keep_cookies)
    return with_outputs(
        own,
        program,
        declared=None if program is None else program.output,
        arguments=arguments,
        settings=settings,
        seeds=asked.seeds,
        keeping=keeping,
        **more,
    )


class Asked(Struct, frozen=True):
    """What a command line asks for: a program, settings, and seeds, of which one at least is read or bad."""

    program: Any
    """A `scrape.crawl.Crawl`; None without one."""
    settings: Settings
    seeds: tuple[str | Link, ...]
    bad: tuple[Any, ...]
    unread: Any


def asked_for(arguments: Arguments, given: Mapping[str, GivenValue], own: dict[str, Any]) -> Asked:
    """Read what a new crawl is asked for. Reads the files that are named.

    Args:
        arguments: the command line.
        given: its options, and those of its file of options.
        own: the values of those that are the command's.

    Raises:
        UsageError: a mistake, or no seed.
    """
    words, program = program_of(arguments.words)
    options = crawl_options(given)
    settings = program.settings_with(options) if program else settings_from(options)
    if settings.since is not None:
        from scraper_cpn.scrape.state.earlier import check_earlier

        settings = replace(settings, since_run=check_earlier(settings))
    listed = _seeds(words, own)
    seeds = listed.urls or (program.seeds() if program else ())
    if not seeds and not listed.bad:
        raise UsageError(_no_seed(own.get("input")))
    return Asked(program, settings, seeds, listed.bad, listed.unread)


def _keeping(
    own: dict[str, Any], program: str | None, seeds: dict[str, Any], *, keep_cookies: bool
) -> Any:
    """The state for a new crawl with some *seeds*. Raises `UsageError` if the crawl can't be kept there."""
    path, run = own.pop("state", None), own.pop("run", None)
    if path is None:
        if run is not None:
            raise UsageError("--run: it names a crawl in a state; give --state FILE as well")
        if keep_cookies:
            raise UsageError("--keep-cookies: a state keeps them; give --state FILE as well")
        return None
    from scraper_cpn.scrape.state.files import Keeping, refuse_existing
    from scraper_cpn.store.states import location_of

    place = location_of(path)
    if isinstance(place, Path):
        check_writable("--state", path)
    refuse_existing(place, run)
    file = program and str(Path(program).absolute())
    return Keeping(path=place, run=run, program=file, **seeds)


def with_outputs(
    own: dict[str, Any],
    program: "Crawl[Any] | None",
    *,
    declared: Output = None,
    kept: Mapping[str, int | None] | None = None,
    **found: Any,
) -> CrawlJob:
    """Return the job with checked outputs, which is the last check.

    *own* are the options of the command alone; *declared* is the program's output, if it counts without one; *kept* are
    the valid lengths of outputs that belong to a state. Raises `UsageError`.
    """
    settings, keeping = found["settings"], found["keeping"]
    handlers, item_type = (program.handlers, program.item_type) if program else (None, None)
    validator = Validator(item_type, settings.schema, settings.files)
    output: Output = own.get("output", declared)
    if output is None and keeping is None:
        output = "-"
    if output is not None:
        names = names_of(output)
        own["output"] = "-" if names in STANDARD_OUTPUT else names
    kept_in = {"state": str(keeping.path)} if keeping and isinstance(keeping.path, Path) else {}
    check_files({**own, **kept_in})
    overwrite, append = own.pop("overwrite", False), own.pop("append", False)
    sink = open_declared(
        output,
        dict if handlers and item_type is None else item_type,
        {"fields": settings.fields, **settings.output_form},
        kept=kept,
        overwrite=overwrite,
        append=append,
    )
    if sink is None:
        own["output"] = str(keeping.path)
    bodies = bodies_of(
        settings, continued=keeping is not None and keeping.saves_in(settings.save_bodies)
    )
    given = {key: value for key, value in own.items() if key in CrawlJob.__struct_fields__}
    hooks = program.hooks if program else None
    return CrawlJob(
        bodies=bodies,
        sink=sink,
        handlers=handlers,
        hooks=hooks,
        validator=validator,
        **found,
        **given,
    )


def _seeds(words: Iterable[str], own: dict[str, Any]) -> "SeedList":
    """The seeds of the command line and of an input. The first ones are read now, and refused if one is bad.

    A pipe is read on while the crawl runs; for a crawl of many workers, which has to have all seeds, to its end.
    """
    from scraper_cpn.scrape.seeds import AT_ONCE, SeedList, read_first, refusal

    path, skips = own.get("input"), own.pop("skip_bad_seeds", False)
    urls = [_seed_word(word) for word in words]
    if path is None:
        return SeedList(tuple(urls))
    if path == "-" and "database" not in own and not sys.stdin.isatty():
        text, more, bad = _arriving()
    else:
        text = _text(path)
        more, bad = read_first(text, AT_ONCE)
    if bad and not skips:
        raise refusal(bad)
    return SeedList((*urls, *more), tuple(bad), text if text.lines or text.arriving else None)


def _no_seed(path: str | None) -> str:
    """What is wrong if there is no seed, with or without an input."""
    if path is None:
        return "there is no URL to start from; give one, or a file of URLs with -i"
    return (
        f"there is no URL to start from in {path}; give one (rows of a --failed file with "
        '"again": false are left out: a 404, for example, would be a 404 again)'
    )


def _arriving() -> "tuple[Unread, list[str | Link], list[BadSeed]]":
    """The lines of standard input, and its first seeds and bad lines: there are some, unless it has ended."""
    from scraper_cpn.scrape.arriving import ArrivingLines
    from scraper_cpn.scrape.seeds import AT_ONCE, read_first

    text = ArrivingLines(STANDARD_INPUT, sys.stdin.fileno())
    while True:
        text.gather(AT_ONCE)
        more, bad = read_first(text, AT_ONCE)
        if more or bad or not text.arriving:
            return text, more, bad


def _seed_word(word: str) -> str:
    """Return the URL in a word of the command line; the error suggests what else it may mean."""
    from scraper_cpn.scrape.urls import normalise, seed_url

    if word in ("help", "version"):
        raise UsageError(f"{word}: neither a command nor a URL; did you mean scrape --{word}?")
    if word.isalpha() and (hint := likely(word, COMMANDS)):
        raise UsageError(f"{hidden(word)}: neither a command nor a URL{hint}")
    if os.path.isfile(word):  # noqa: PTH113 - a Path raises if the name is too long
        raise UsageError(
            f"{hidden(word)}: this is a file; did you mean scrape {_use_of(word)} {hidden(word)}?"
        )
    if word.isalpha() and len(word) <= _COMMAND_CHARS_MAX and word != "localhost":
        raise UsageError(
            f"{hidden(word)}: neither a command nor a URL; a crawl needs no command: scrape https://..."
        )
    guess = f"https://{word.lstrip('/')}"
    if "://" not in word and normalise(guess) is not None:
        seed_url(guess)
        raise UsageError(
            f"{hidden(word)}: neither a command nor a URL; did you mean {hidden(guess)}?"
        )
    return seed_url(word)


def _use_of(path: str) -> str:
    """Return what a lone file name may have been meant as: a program, a state, seeds."""
    if path.endswith(".py"):
        return "run"
    with Path(path).open("rb") as file:
        return "resume" if file.read(15) == b"SQLite format 3" else "-i"


def _text(path: str) -> "TextLines":
    """The text of an input. A line that is not UTF-8 is one that is no URL."""
    from scraper_cpn.scrape.arriving import MARK, decoded
    from scraper_cpn.scrape.seeds import TextLines

    name = STANDARD_INPUT if path == "-" else path
    try:
        read = _standard_input() if path == "-" else file_bytes(path)
    except ValueError as error:
        raise UsageError(f"--input: {error}") from None
    if read.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise UsageError(f"--input: {hidden(name)} is UTF-16; save it as UTF-8")
    return TextLines(name, plain_lines(decoded(read.removeprefix(MARK))))


def _standard_input() -> bytes:
    from scraper_cpn.scrape.arriving import LINE_BYTES_MAX

    read = bytearray()
    while chunk := sys.stdin.buffer.read(LINE_BYTES_MAX):
        read += chunk
        if len(read) - read.rfind(b"\n") > LINE_BYTES_MAX:
            line = read.count(b"\n") + 1
            raise ValueError(f"standard input:{line}: a line of more than {LINE_BYTES_MAX:,} bytes")
    return bytes(read)


def program_of(words: tuple[str, ...]) -> tuple[tuple[str, ...], "Crawl[Any] | None"]:
    """Return the URLs among the words, and the program of `run FILE.py`. Raises `UsageError`."""
    if words and words[0] in COMMANDS and words[0] != "run":
        raise UsageError(f"{words[0]}: put this command first: scrape {words[0]} ...")
    if words[:1] != ("run",):
        return words, None
    if len(words) < 2:
        raise UsageError("run: give the file of a program: scrape run FILE.py [URL...]")
    return words[2:], crawl_in(loaded(words[1]), words[1])


def loaded(path: str) -> ModuleType:
    """Load a program as a module that can import the files beside it.

    Its name and folder come after the standard library's: unlike with `python FILE.py`, a program
    called `json.py` breaks nothing.
    """
    file = Path(path)
    name = f"scrape_program_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if not file.is_file() or spec is None or spec.loader is None:
        what = "is not a Python file" if file.exists() else "does not exist"
        raise UsageError(f"{path} {what}; give the file of a Python program")
    module = importlib.util.module_from_spec(spec)
    sys.path.append(str(file.resolve().parent))
    sys.modules[name] = module
    try:
        with second_interrupt_ends():
            spec.loader.exec_module(module)
    except UsageError as error:
        raise UsageError(f"run: {_where(error, path)}: {error}") from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"run: {_where(error, path)}: {_one_line(error)}") from error
    return module


def _where(error: BaseException, path: str) -> str:
    """Return the program's innermost line in an error's traceback, as `file:line`."""
    if isinstance(error, SyntaxError):
        return f"{path}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if Path(frame.filename) == Path(path).resolve()]
    return f"{path}:{own[-1]}" if own else path


def _one_line(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return redacted(" ".join(f"{type(error).__name__}: {text}".split()))


def mistake_in(path: str, error: BaseException) -> UsageError:
    """What the code of a program has raised, in one line with its place there."""
    return UsageError(f"{_where(error, path)}: {_one_line(error)}")


def crawl_in(module: ModuleType, path: str) -> "Crawl[Any]":
    """The only crawl of a program. Raises `UsageError`."""
    from scraper_cpn.scrape.crawl import Crawl

    found = {id(value): (name, value) for name, value in vars(module).items()
             if isinstance(value, Crawl)}  # fmt: skip
    if len(found) != 1:
        names = ", ".join(name for name, _ in found.values()) or "none"
        raise UsageError(f"run: {path} needs one Crawl at module level; found: {names}")
    return next(iter(found.values()))[1]
