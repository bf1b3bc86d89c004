"""The options of `python -m mocks`, and what they mean.

Owns: names, units and defaults on the command line. The options of a web are made from
`WebSpec`, so that every knob has one.
Must not know: how to serve or to judge.
"""

import argparse
import re
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from mocks.referee import Expectations, ProxyRule
from mocks.wirelog import DIRECT
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec

_UNITS = {
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
    "": 10**9,
}
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{0,9})?)(ms|[smhd]?)")


def duration_ns(text: str) -> int:
    """A duration such as `200ms`, `1.5s` or `2m`, in nanoseconds; a plain number is seconds.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 0.2, 200ms, 1.5s or 2m")
    return int(Decimal(match[1]) * _UNITS[match[2]])


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of things; write 0 or more")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The commands `serve` and `judge`."""
    top = argparse.ArgumentParser(
        prog="python -m mocks", description="A synthetic web on loopback, and a referee of crawls."
    )
    commands = top.add_subparsers(dest="command", required=True)
    _add_serve(commands.add_parser("serve", help="serve a synthetic web until SIGTERM"))
    _add_judge(commands.add_parser("judge", help="judge the wire log of a crawl; 1: violations"))
    return top


def spec_of(args: argparse.Namespace) -> WebSpec:
    """The web that `serve` was asked for."""
    return WebSpec(**{name: getattr(args, name) for name in WebSpec.__struct_fields__})


def expectations_of(args: argparse.Namespace, spec: WebSpec | None) -> Expectations:
    """The limits that `judge` was given; what can be reached, where the log says of which web.

    Raises:
        ValueError: what can be reached in that web is not certain.
    """
    proxy = ProxyRule(slots=args.per_proxy, delay_ns=args.proxy_delay, quota=args.proxy_quota)
    direct = {} if args.direct is None else {DIRECT: ProxyRule(slots=args.direct)}
    whole = args.max_pages is args.max_depth is args.max_time is None and not args.partial
    depths = _depths(args, spec) if spec and (whole or args.max_depth is not None) else {}
    return Expectations(
        delay_ns=args.delay,
        site_delays=dict(args.site),
        limit_by=args.limit_by,
        per_domain=args.per_domain,
        host_delay_ns=args.host_delay,
        per_host=args.per_host,
        address_delay_ns=args.address_delay,
        per_address=args.per_address,
        hold=args.hold,
        backoff_ns=args.backoff,
        robots=args.robots,
        proxies=direct,
        proxy=proxy,
        attempts=args.retries + 1,
        lost=_lost(args.failed),
        pages=tuple(depths) if spec and whole else None,
        max_pages=args.max_pages,
        max_depth=args.max_depth,
        depths=depths,
        max_time_ns=args.max_time,
        tolerance_ns=args.tolerance,
        reaction_ns=args.reaction,
    )


def _lost(failed_log: Path | None) -> Counter[str]:
    """How many attempts a failed log says were lost with a worker, by URL."""
    lines = () if failed_log is None else failed_log.read_bytes().splitlines()
    rows = map(msgspec.json.decode, lines)
    return Counter(row["url"] for row in rows if row["kind"] == "lost")


def _depths(args: argparse.Namespace, spec: WebSpec) -> dict[str, int]:
    return SyntheticWeb(spec).reach(
        scope=args.scope,
        attempts=args.retries + 1,
        max_redirects=args.max_redirects,
        seeds=args.url or None,
    )


def _add_serve(serve: argparse.ArgumentParser) -> None:
    serve.add_argument("--proxies", type=_count, default=0, help="forward proxies (default 0)")
    serve.add_argument("--proxy-auth", metavar="USER:PASSWORD", help="what the proxies ask for")
    serve.add_argument("--log", type=Path, metavar="FILE", help="where to write the wire log")
    serve.add_argument("--gzip", action="store_true", help="compress for clients that accept it")
    schema = msgspec.json.schema(WebSpec)["$defs"]["WebSpec"]["properties"]
    web = serve.add_argument_group("the web")
    for field in msgspec.structs.fields(WebSpec):
        about = schema[field.name]
        kinds = _kinds(about)
        words = f"; of {', '.join(kinds)}" if kinds else ""
        short = field.name.removesuffix("_ns").removesuffix("_s").replace("_", "-")
        web.add_argument(
            f"--{short}",
            dest=field.name,
            type=_reader(field.name, field.default, kinds),
            default=field.default,
            metavar=_metavar(field.name, field.default),
            help=f"{about['description']}{words} (default {_shown(field)})",
        )


def _kinds(schema: dict[str, Any]) -> list[str]:
    """What the words of a knob may be; empty for a knob that has none."""
    kinds: list[str] = schema.get("items", {}).get("enum", [])
    return kinds


def _reader(name: str, default: object, kinds: Sequence[str]) -> Callable[[str], Any]:
    if name.endswith("_ns"):
        return duration_ns
    return partial(_words, kinds) if isinstance(default, tuple) else type(default)


def _words(kinds: Sequence[str], text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in kinds:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(kinds)}")
    return words


def _metavar(name: str, default: object) -> str:
    if name.endswith("_ns"):
        return "TIME"
    return {float: "SHARE", tuple: "KIND,..."}.get(type(default), "N")


def _shown(field: msgspec.structs.FieldInfo) -> str:
    if field.name.endswith("_ns"):
        return f"{field.default / 10**9:g}s"
    return ",".join(field.default) if isinstance(field.default, tuple) else f"{field.default}"


def _add_judge(judge: argparse.ArgumentParser) -> None:
    add = judge.add_argument
    add("log", type=Path, help="the wire log, JSONL")
    add("--json", action="store_true", help="print the verdict as one line of JSON")
    _add_limits(judge.add_argument_group("limits of the crawl"))
    _add_budgets(judge.add_argument_group("what it should have reached"))
    add("--tolerance", type=duration_ns, default="2ms", help="jitter on the way (default 2ms)")
    add(
        "--reaction",
        type=duration_ns,
        default="10ms",
        help="time to act on an answer before it counts (default 10ms)",
    )


def _add_limits(limits: argparse._ArgumentGroup) -> None:
    add = limits.add_argument
    add("--delay", type=duration_ns, default="1s", help="between starts in a domain (default 1s)")
    add("--site", type=_site, action="append", default=[], metavar="NAME=TIME", help="its delay")
    add("--limit-by", choices=("domain", "host"), default="domain", help="what a domain is")
    add("--per-domain", type=_count, help="requests to a domain at a time (default: not judged)")
    add(
        "--host-delay", type=duration_ns, default="0s", help="between starts to a host (default 0s)"
    )
    add("--per-host", type=_count, help="requests to a host at a time (default: not judged)")
    add("--address-delay", type=duration_ns, default="0s", help="between starts to an IP address")
    add("--per-address", type=_count, help="requests to an IP address at a time")
    add("--hold", choices=("domain", "url", "none"), default="domain", help="of Retry-After")
    add("--backoff", type=duration_ns, default="0s", help="hold of a 429 or 503 without it")
    add("--robots", choices=("obey", "ignore"), default="obey", help="(default obey)")
    add(
        "--per-proxy", type=_count, default=1, help="requests through a proxy at a time (default 1)"
    )
    add("--proxy-delay", type=duration_ns, default="0s", help="between starts through a proxy")
    add("--proxy-quota", type=_count, help="requests through a proxy in all")
    add("--direct", type=_count, help="requests without a proxy at a time (default: any number)")
    add("--retries", type=_count, default=2, help="attempts after the first (default 2)")
    add("--failed", type=Path, metavar="FILE", help="a failed log: attempts lost with a worker")


def _add_budgets(reach: argparse._ArgumentGroup) -> None:
    add = reach.add_argument
    add("--url", action="append", default=[], help="a seed (default: every host's first page)")
    add("--scope", choices=("host", "domain", "any"), default="domain", help="(default domain)")
    add("--max-redirects", type=_count, default=10, help="(default 10)")
    add("--max-pages", type=_count, help="pages fetched with success")
    add("--max-depth", type=_count, help="links from a seed")
    add("--max-time", type=duration_ns, help="from the first start to the last")
    add("--partial", action="store_true", help="the crawl was stopped: no page is missing")


def _site(text: str) -> tuple[str, int]:
    name, equals, time = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=TIME")
    return name, duration_ns(time)
