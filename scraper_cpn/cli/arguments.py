"""Parsing and writing command lines by the table of options.

Owns: splitting a command line into words and options; merging it with the TOML file; writing the
command that retries what failed.
Must not know: what an option does.
"""

import getopt
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from scraper_cpn.scrape.options.config import read_config
from scraper_cpn.scrape.options.read import GivenValue, likely, read_options
from scraper_cpn.scrape.options.table import BY_KEY, OPTIONS, Option
from scraper_cpn.scrape.redact import HARMLESS_HEADERS, HIDDEN, hidden, of_no_header, redacted
from scraper_cpn.scrape.settings import UsageError

ON_COMMAND_LINE = tuple(option for option in OPTIONS if option.on_command_line)
BY_NAME = {option.name for option in ON_COMMAND_LINE}
"""The long names of a crawl's options."""
_RIVALS = (("overwrite", "append"), ("quiet", "verbose"))

_OF_THIS_RUN = {"input", "output", "overwrite", "append", "failed", "trace", "state", "run"}
"""Options that a retry command replaces or leaves out."""


class Arguments(Struct, frozen=True):
    """A command line: its positional words, and the options by their Python names."""

    words: tuple[str, ...]
    options: dict[str, GivenValue]


def parse(
    argv: Sequence[str], options: Sequence[Option] = ON_COMMAND_LINE, command: str = ""
) -> Arguments:
    """Split a command line as GNU programs do. Values are not interpreted here.

    *options* are those that *command* accepts; the default is the crawl itself, which has no command name.

    Raises:
        UsageError: an option that the command does not accept, or an option without its value.
    """
    known = {option.name: option for option in options}
    known |= {option.short: option for option in options if option.short}
    short = "".join(o.short + ":" * bool(o.kind.metavar) for o in options if o.short)
    long = [option.name + "=" * bool(option.kind.metavar) for option in options]
    try:
        pairs, words = getopt.gnu_getopt(list(argv), short, long)
    except getopt.GetoptError as error:
        raise UsageError(_explained(error, known, command)) from None
    given: dict[str, GivenValue] = {}
    for written, text in pairs:
        option = known[written.lstrip("-")]
        given[option.key] = _value(option, written, text, given.get(option.key))
    _refuse_rivals(given)
    return Arguments(tuple(words), given)


def given_options(arguments: Arguments) -> dict[str, GivenValue]:
    """Return the options of a command line and of the TOML file that it names. Raises `UsageError`."""
    own = dict(arguments.options)
    config = own.pop("config", None)
    file = {} if config is None else read_config(read_options({"config": config})["config"])
    return merged(file, own)


def merged(
    file: Mapping[str, GivenValue], command_line: Mapping[str, GivenValue]
) -> dict[str, GivenValue]:
    """Return the options of a file and a command line; the command line takes precedence."""
    rivals = {mine: other for pair in _RIVALS for mine, other in (pair, pair[::-1])}
    kept = {key: given for key, given in file.items() if rivals.get(key) not in command_line}
    _refuse_rivals(kept)
    return {**kept, **command_line}


def retry_command(
    arguments: Arguments, *, output: str | None, failed: str | None, urls: Sequence[str]
) -> str:
    """Return the command that retries failed URLs, for a POSIX shell, without credentials.

    *output* is where the items went; None: where the program says. *failed* is a file of the URLs; None: the command lists *urls* instead.
    """
    program = list(arguments.words[:2]) if arguments.words[:1] == ("run",) else []
    words = ["scrape", *program, *(["-i", failed] if failed else urls)]
    if output is None:
        words.append("--append")
    elif output != "-":
        words += ["-o", output, "--append"]
    if "failed" in arguments.options:
        words += ["--failed", _unused(str(arguments.options["failed"].value))]
    for key, given in arguments.options.items():
        if key not in _OF_THIS_RUN:
            words += _written(BY_KEY[key], given)
    return shlex.join(words)


def _value(option: Option, written: str, text: str, before: GivenValue | None) -> GivenValue:
    if not option.kind.metavar:
        return GivenValue(True, written)
    if not option.many:
        return GivenValue(text, written)
    return GivenValue([*(before.value if before else ()), text], written)


def _explained(error: getopt.GetoptError, known: Mapping[str, Option], command: str) -> str:
    """Say what is wrong with an option, in the user's spelling, and where to read more."""
    written = f"-{error.opt}" if len(error.opt) == 1 else f"--{hidden(error.opt)}"
    where = f"{command}: {written}" if command else written
    see = f"see scrape {command} -h" if command else "see scrape --help"
    if "not recognized" in error.msg and error.opt in BY_NAME:
        return f"{where}: has no meaning here; leave it out"
    if "not recognized" in error.msg:
        names = [f"--{option.name}" for option in known.values()]
        return f"{where}: unknown option{likely(written, names) or f'; {see}'}"
    if "requires argument" in error.msg:
        return f"{where}: needs a value: {known[error.opt].kind.metavar}"
    if "not a unique prefix" in error.msg:
        longer = sorted(f"--{name}" for name in known if name.startswith(error.opt))
        return f"{where}: begins several options; give one of {', '.join(longer)}"
    return f"{where}: {error.msg.removeprefix(f'option {written} ')}; {see}"


def _refuse_rivals(options: Mapping[str, GivenValue]) -> None:
    for first, second in _RIVALS:
        if first in options and second in options:
            wheres = f"{options[first].where} and {options[second].where}"
            raise UsageError(f"{wheres} exclude each other; give one of them")


def _written(option: Option, given: GivenValue) -> list[str]:
    """Return an option as words of a command line, without the credentials in it."""
    if not option.kind.metavar:
        return [f"--{option.name}"]
    texts = given.value if option.many else [given.value]
    hide = {"header": _hidden_header, "cookie": _hidden_cookie, "proxy": _hidden_password}.get(
        option.key, of_no_header
    )
    return [word for text in texts for word in (f"--{option.name}", hide(text))]


def _hidden_header(text: str) -> str:
    name, _, value = text.partition(":")
    if name.strip().lower() in HARMLESS_HEADERS:
        return redacted(text)
    return f"{name}: {HIDDEN}" if value else HIDDEN


def _hidden_cookie(text: str) -> str:
    return f"{text.partition('=')[0]}={HIDDEN}"


def _hidden_password(text: str) -> str:
    before, _, host = text.rpartition("@")
    scheme, mark, user = before.rpartition("://")
    if not user:
        return text
    name, _, password = user.partition(":")
    return f"{scheme}{mark}{name}:{HIDDEN}@{host}" if password else f"{scheme}{mark}{HIDDEN}@{host}"


def _unused(path: str) -> str:
    """Return an unused name like *path*, so that a retry does not overwrite the list that it starts from."""
    given = Path(path)
    number = 2
    while (free := given.with_name(f"{given.stem}.{number}{given.suffix}")).exists():
        number += 1
    return str(free)
