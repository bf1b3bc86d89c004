"""`scrape net`: draws the scraper's net from the declaration that is executed.

Owns: the switches of this command.
Must not know: how a net is drawn.
"""

import sys
from collections.abc import Callable, Sequence

from scraper_cpn import draw as graph
from scraper_cpn.net import Net, Part
from scraper_cpn.net.compiled.kernel import source
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.options.read import likely
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings, UsageError

HELP = """\
usage: scrape net [--part NAME] [--dot|--mermaid|--svg|--source]

Prints the net that coordinates a crawl with default options. Its parts are shown as groups.

  (nothing)    places and transitions as text
  --dot        a graph for graphviz
  --mermaid    a flowchart that many web pages and editors draw
  --svg        a picture (needs graphviz)
  --source     the Python that the net is compiled to
  --part NAME  one part alone, with the places of other parts that it is connected to

Examples:
  scrape net                                  the whole net
  scrape net --part domains                   what limits the requests to a domain
  scrape net --part robots --svg > robots.svg
"""

Draw = Callable[[Net, Part | None], str]


def show_net(argv: Sequence[str]) -> int:
    """Print the net in the form given by *argv*. Raises `UsageError`."""
    if any(word in ("-h", "--help") for word in argv):
        sys.stdout.write(HELP)
        return 0
    net = ScrapeNet(Policy(Settings()))
    words, part = _part(net, argv)
    if len(words) > 1:
        raise UsageError(f"net: one form at a time, not {' '.join(words)}; see scrape net --help")
    form = words[0] if words else ""
    if form == "--source":
        if part is not None:
            raise UsageError("net: --source prints the whole net; leave --part out")
        sys.stdout.write(source(net))
        return 0
    if form not in _FORMS:
        known = [*_FORMS, "--source", "--part"]
        raise UsageError(f"net: {form}: unknown form{likely(form, known)}; see scrape net --help")
    sys.stdout.write(_FORMS[form](net, part))
    return 0


def _part(net: Net, argv: Sequence[str]) -> tuple[list[str], Part | None]:
    """The words without `--part NAME` (or `--part=NAME`), and that part."""
    words, name = list(argv), None
    for number, word in enumerate(argv):
        if word == "--part" or word.startswith("--part="):
            name = word.partition("=")[2] if "=" in word else "".join(argv[number + 1 : number + 2])
            del words[number : number + (1 if "=" in word else 2)]
            break
    if name is None:
        return words, None
    if name not in net.parts:
        near = likely(name, net.parts)
        raise UsageError(
            f"--part: {name or 'nothing'}: no part{near}; one of {', '.join(net.parts)}"
        )
    return words, net.parts[name]


def _svg(net: Net, part: Part | None) -> str:
    try:
        return graph.svg(net, part)
    except graph.NoGraphviz:
        raise UsageError("--svg: needs graphviz's dot; install graphviz, or use --dot") from None


_FORMS: dict[str, Draw] = {
    "": graph.text,
    "--dot": graph.dot,
    "--mermaid": graph.mermaid,
    "--svg": _svg,
}
