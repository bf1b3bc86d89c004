"""`scrape net`: draws the scraper's net from the declaration that is executed.

Owns: the switches of this command.
Must not know: how a net is drawn.
"""

import sys
from collections.abc import Callable, Sequence

from scraper_cpn import draw as graph
from scraper_cpn.cli.arguments import given_options, parse
from scraper_cpn.net import Net, Part
from scraper_cpn.net.compiled.source import compiling_plan, source
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.options.read import crawl_options, likely, own_options, settings_from
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings, UsageError

HELP = """\
usage: scrape net [--part NAME] [--partitions N] [--dot|--mermaid|--svg|--plan|--source] [OPTION...]

Prints the net that coordinates a crawl with these options. Its parts are shown as groups;
some of them are there only with an option.

  (nothing)    places and transitions as text
  --dot        a graph for graphviz
  --mermaid    a flowchart that many web pages and editors draw
  --svg        a picture (needs graphviz)
  --plan       how the net is compiled: how places are kept, joins, after what a transition is tried again
  --source     the Python that the net is compiled to
  --part NAME  one part alone, with the places of other parts that it is connected to
  --partitions N  the net of one of N partitions; the text says what each has of a place

Examples:
  scrape net                                  the whole net
  scrape net --part domains                   what limits the requests to a domain
  scrape net --part hosts --per-host 1        a part that only this option brings
  scrape net --part robots --svg > robots.svg
  scrape net --part crossing --partitions 4   what goes from one partition to another
"""

Draw = Callable[[Net, Part | None], str]


def show_net(argv: Sequence[str]) -> int:
    """Print the net in the form given by *argv*. Raises `UsageError`."""
    if any(word in ("-h", "--help") for word in argv):
        sys.stdout.write(HELP)
        return 0
    words, rest, named = _sorted(argv)
    name = named.get("--part")
    net = ScrapeNet(Policy(_settings(rest)), _partitions(named.get("--partitions", "1")))
    part = None if name is None else _part(net, name)
    if len(words) > 1:
        raise UsageError(f"net: give only one of {' '.join(words)}; see scrape net --help")
    form = words[0] if words else ""
    if form in _WHOLE:
        if part is not None:
            raise UsageError(f"net: {form} prints the whole net; leave --part out")
        sys.stdout.write(_WHOLE[form](net))
        return 0
    sys.stdout.write(_FORMS[form](net, part))
    return 0


def _sorted(argv: Sequence[str]) -> tuple[list[str], list[str], dict[str, str]]:
    """The words that name a form, the options of a crawl, and the values of this command's own options."""
    forms, rest, named = list[str](), list[str](), dict[str, str]()
    words = iter(argv)
    for word in words:
        option, is_given, value = word.partition("=")
        if option in _OWN:
            named[option] = value if is_given else next(words, "")
        elif word in (*_FORMS, *_WHOLE):
            forms.append(word)
        else:
            rest.append(word)
    return forms, rest, named


def _partitions(text: str) -> int:
    """The number of partitions."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _PARTITIONS_MAX:
        raise UsageError(
            f"--partitions: {text or 'nothing'}: give a whole number from 1 to {_PARTITIONS_MAX}"
        )
    return int(text)


def _settings(words: Sequence[str]) -> Settings:
    """The settings of the crawl whose net is printed."""
    try:
        arguments = parse(words)
    except UsageError as error:
        near = likely(words[0], [*_FORMS, *_WHOLE, *_OWN])
        if not near:
            raise
        raise UsageError(f"net: {words[0]}: unknown option{near}; see scrape net --help") from error
    if arguments.words:
        raise UsageError(
            f"net: {arguments.words[0]} is not an option; give options only; see scrape net --help"
        )
    given = given_options(arguments)
    if own := own_options(given):
        raise UsageError(f"--{next(iter(own))}: has no meaning for a net; leave it out")
    return settings_from(crawl_options(given))


def _part(net: Net, name: str) -> Part:
    """The part of that name."""
    if name not in net.parts:
        near = likely(name, net.parts)
        raise UsageError(
            f"--part: {name or 'nothing'}: no part{near}; one of {', '.join(net.parts)}"
        )
    return net.parts[name]


def _svg(net: Net, part: Part | None) -> str:
    try:
        return graph.svg(net, part)
    except graph.NoGraphviz:
        raise UsageError("--svg: needs graphviz's dot; install graphviz, or use --dot") from None


_OWN = ("--part", "--partitions")
_PARTITIONS_MAX = 1_024

_WHOLE: dict[str, Callable[[Net], str]] = {
    "--plan": lambda net: str(compiling_plan(net)),
    "--source": source,
}
"""The forms that show no single part."""

_FORMS: dict[str, Draw] = {
    "": graph.text,
    "--dot": graph.dot,
    "--mermaid": graph.mermaid,
    "--svg": _svg,
}
