"""`python -m mocks serve` and `python -m mocks judge`.

Owns: what the two commands print and how they end: 0 in order, 1 violations, 2 a user's mistake.
Must not know: rules of politeness, HTTP.
"""

import argparse
import asyncio
import json
import signal
import sys

from mocks.options import expectations_of, parser, spec_of
from mocks.referee import judge
from mocks.referee.table import as_json, table
from mocks.server import LoopbackWeb
from mocks.wirelog import WireLogError, read_log


def main(arguments: list[str] | None = None) -> int:
    """Run a command; *arguments* are those of the process by default. Returns the exit code."""
    args = parser().parse_args(arguments)
    try:
        return asyncio.run(_serve(args)) if args.command == "serve" else _judge(args)
    except (ValueError, WireLogError) as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"error: {error.filename or 'server'}: {error.strerror}", file=sys.stderr)
    return 2


async def _serve(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; the first line printed says where."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    web = LoopbackWeb(
        spec_of(args),
        proxies=args.proxies,
        credentials=_credentials(args.proxy_auth),
        log_path=args.log,
        keep_log=False,
        compress=args.gzip,
    )
    async with web:
        print(json.dumps(_where(web, args)), flush=True)
        await stop.wait()
    return 0


def _where(web: LoopbackWeb, args: argparse.Namespace) -> dict[str, object]:
    return {
        "port": web.port,
        "url": web.url,
        "proxies": web.proxy_urls,
        "seeds": web.web.seeds(),
        "log": str(args.log) if args.log else None,
    }


def _credentials(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    user, colon, password = text.partition(":")
    if not user or not colon:
        raise ValueError(f"--proxy-auth: {text!r} is no USER:PASSWORD")
    return user, password


def _judge(args: argparse.Namespace) -> int:
    header, log = read_log(args.log)
    verdict = judge(log, expectations_of(args, header.spec))
    if args.json:
        print(as_json(verdict).decode())
    else:
        print(table(verdict))
    return 1 if verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main())
