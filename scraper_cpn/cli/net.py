"""`scrape net`: the net of the scraper, drawn from the declaration that is executed.

Owns: the switches of this command.
Must not know: how a net is drawn.
"""

import sys
from collections.abc import Callable, Sequence

from scraper_cpn.net import Net
from scraper_cpn.net.compiled.kernel import source
from scraper_cpn.scrape.net import scrape_net
from scraper_cpn.scrape.options.read import likely
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.show import graph

HELP = """\
usage: scrape net [--dot|--mermaid|--svg|--source]

Prints the net that coordinates a crawl with default options.

  (nothing)    places and transitions as text
  --dot        a graph for graphviz
  --mermaid    a flowchart that many web pages and editors draw
  --svg        a picture (needs graphviz)
  --source     the Python that the net is compiled to
"""


def show_net(argv: Sequence[str]) -> int:
    """Print the net in the form that *argv* asks for. Raises `UsageError`."""
    if len(argv) > 1:
        raise UsageError(f"net: one form at a time, not {' '.join(argv)}; see scrape net --help")
    form = argv[0] if argv else ""
    if form in ("-h", "--help"):
        sys.stdout.write(HELP)
        return 0
    if form not in _FORMS:
        raise UsageError(f"net: {form}: unknown form{likely(form, _FORMS)}; see scrape net --help")
    sys.stdout.write(_FORMS[form](scrape_net(Policy(Settings()))))
    return 0


def _svg(net: Net) -> str:
    try:
        return graph.svg(net)
    except graph.NoGraphviz:
        raise UsageError("--svg: needs graphviz's dot; install graphviz, or use --dot") from None


_FORMS: dict[str, Callable[[Net], str]] = {
    "": graph.text,
    "--dot": graph.dot,
    "--mermaid": graph.mermaid,
    "--svg": _svg,
    "--source": source,
}
