"""`scrape worker`: works on a crawl in a database, until it has ended.

Owns: the worker's options, its signals, its progress, the processes of `--processes`.
Must not know: how a crawl is divided or run, SQL.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from scraper_cpn.cli.arguments import Arguments, given_options, parse
from scraper_cpn.cli.ending import end_despite_threads, run_to_end, threads
from scraper_cpn.cli.job import program_of
from scraper_cpn.cli.many import address, does
from scraper_cpn.cli.signals import SIGNALLED, SIGNALS, Hearing
from scraper_cpn.cli.streams import teller
from scraper_cpn.scrape.fetch.open_files import make_room
from scraper_cpn.scrape.options.read import crawl_options, own_options, settings_from
from scraper_cpn.scrape.options.table import AT_A_TIME, BY_KEY, TIME, Option
from scraper_cpn.scrape.settings import SECOND, UsageError
from scraper_cpn.store.port import StoreError

if TYPE_CHECKING:
    from scraper_cpn.cluster.worker import Worker
    from scraper_cpn.scrape.many.work import Program, ScrapeWork

T = TypeVar("T")

DONE, INCOMPLETE = 0, 1
LEASE_NS = 10 * SECOND
LEASE_LEAST_NS = SECOND
PROGRESS_S = 5.0
AGAIN_S = 1.0
"""The pause before a process that has died is started again."""
DATABASE_S = 60.0
"""How long a worker that starts waits for its database."""
_PASSING = {"io", "standby"}
"""The kinds of errors that pass when a server has started, or has become the primary."""
PARENT = "SCRAPER_CPN_PARENT"
"""The variable that tells a worker of `--processes` which process has started it."""
GRACE_S = 15.0
"""How long a worker may take to leave after the first signal."""

OWN = ("header", "cookie", "proxy", "proxies")
"""The options of a crawl that each worker gives for itself: a database holds no credentials."""

_PROCESSES = Option(name="processes", kind=AT_A_TIME, group="", help="how many processes to start")
_LEASE = Option(
    name="lease", kind=TIME, group="", help="how long a silent worker keeps its partitions"
)
OPTIONS = (
    *(BY_KEY[key] for key in ("database", "name", "quiet", "json", "help", *OWN)),
    _PROCESSES,
    _LEASE,
)

HELP = """\
usage: scrape worker --database ADDRESS [PROGRAM.py] [OPTION...]

Works on a crawl that `scrape URL... --database ADDRESS` has created, until it has
ended. Start as many workers as you like, on as many machines: they share its
domains fairly, and each domain is one worker's at a time. If a worker is killed,
or its machine is lost, others go on with its domains after its lease; nothing is
lost, fetched twice or asked too fast.

options:
      --database ADDRESS     postgres://user@host:5432/database; a password is better
                             in PGPASSWORD or ~/.pgpass
      --name NAME            which crawl (default main)
      --processes N          start N processes, and start one again that dies (default 1)
      --lease TIME           how long a silent worker keeps its domains; the same for all
                             workers of a crawl (default 10s)
  -H, --header 'NAME: VALUE' a header with a secret: a database holds none
  -b, --cookie 'NAME=VALUE'  a cookie
  -x, --proxy URL            a proxy with its password
      --proxies FILE         the same, from a file
  -q, --quiet                print errors only
      --json                 print one JSON object at the end
  -h, --help                 print this and exit

Ctrl-C (or SIGTERM) lets running requests end, then gives everything back.

exit codes: 0 the crawl has finished or reached a limit, or was stopped; 1 it is stuck;
            2 usage; 3 the database; 130 interrupted

examples:
  scrape worker --database postgres://crawler@db/crawls --name books --processes 4
  scrape worker shop.py --database postgres://crawler@db/crawls --name shop
"""


def worker(argv: Sequence[str]) -> int:
    """Work on a crawl; returns the exit code of the command.

    Raises:
        UsageError: unknown options, or missing credentials.
        StoreError: there is no such crawl, this worker differs from the others, or the database can't be used.
    """
    arguments = parse(argv, OPTIONS, "worker")
    if "help" in arguments.options:
        sys.stdout.write(HELP)
        return DONE
    options = {key: each.value for key, each in arguments.options.items()}
    processes, lease_ns = _count(options), _lease(options)
    if processes > 1:
        return _many_processes(list(argv), processes, quiet="quiet" in options or "json" in options)
    return _one_process(arguments, address(options), lease_ns)


def _count(options: dict[str, Any]) -> int:
    try:
        return int(_PROCESSES.kind.read(options.get("processes", 1)))
    except ValueError as error:
        raise UsageError(f"--processes: {error}") from None


def _lease(options: dict[str, Any]) -> int:
    try:
        lease_ns = int(_LEASE.kind.read(options.get("lease", LEASE_NS / SECOND)))
    except ValueError as error:
        raise UsageError(f"--lease: {error}") from None
    if lease_ns < LEASE_LEAST_NS:
        raise UsageError("--lease: give 1s or more")
    return lease_ns


# One worker.


def _one_process(arguments: Arguments, dsn: str, lease_ns: int) -> int:
    given = {key: each for key, each in given_options(arguments).items() if key in BY_KEY}
    own, mine = own_options(given), crawl_options(given)
    program, path = None, None
    if arguments.words:
        if len(arguments.words) > 1:
            raise UsageError(f"worker: takes one program, not {len(arguments.words)} words")
        path = arguments.words[0]
        program = program_of(("run", path))[1]
    tell = teller(silent=bool(own.get("quiet") or own.get("json")))
    before = threads()
    with Hearing(GRACE_S) as hearing:
        settings = settings_from(mine)
        names = {BY_KEY[key].field for key in mine}
        run = partial(_work, dsn, names, settings, does(program, path), lease_ns, hearing, tell)
        ended, told = run_to_end(run)
        hearing.listen()
    _report(ended, told, own, tell)
    code = _code(ended, hearing.received)
    return end_despite_threads(code, before)


async def _work(
    dsn: str,
    names: set[str],
    settings: Any,
    program: "Program | None",
    lease_ns: int,
    hearing: Hearing,
    tell: Any,
) -> tuple[str | None, dict[str, int]]:
    from scraper_cpn.cluster.worker import Pace, Worker
    from scraper_cpn.scrape.many.crawls import join

    crawl, work = await _patiently(
        lambda: join(dsn, dict.fromkeys(names, True), settings, program), tell
    )
    make_room(work.net.policy.settings.concurrency)
    async with work:
        one = Worker(crawl, work, Pace(lease_s=lease_ns / SECOND), tell)
        with anyio.CancelScope() as scope:
            hearing.tell(partial(_obey, hearing, one, scope, tell))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_progress, one, work, tell)
                tasks.start_soon(_outlive_nobody, one, tell)
                ended = await one.run()
                tasks.cancel_scope.cancel()
            return ended, _numbers(work)
    return None, _numbers(work)


async def _patiently(joining: Callable[[], Awaitable[T]], tell: Callable[[str], None]) -> T:
    """Join a crawl, also if its database is only about to start; raises the last error when that takes too long."""
    until, told = anyio.current_time() + DATABASE_S, False
    while True:
        try:
            return await joining()
        except StoreError as error:
            if error.kind not in _PASSING or anyio.current_time() >= until:
                raise
            if not told:
                tell(f"{error}; trying again for {DATABASE_S:g} s")
            told = True
        await anyio.sleep(AGAIN_S)


def _obey(
    hearing: Hearing, one: "Worker", scope: anyio.CancelScope, tell: Any, number: int
) -> None:
    """Handle a signal: the first one lets running requests end, the second one does not."""
    hearing.received.append(number)
    if len(hearing.received) > 1:
        scope.cancel()
        return
    tell("leaving: no new requests; interrupt again to leave at once")
    one.stop()


async def _outlive_nobody(one: "Worker", tell: Any) -> None:
    """Leave when the process has ended that has started this one, in whatever way: nobody else would stop it."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return
    while parent == str(os.getppid()):  # noqa: ASYNC110  (nobody tells of it)
        await anyio.sleep(AGAIN_S)
    tell("leaving: the process has ended that has started this worker")
    one.stop()


async def _progress(one: "Worker", work: "ScrapeWork", tell: Any) -> None:
    while True:
        await anyio.sleep(PROGRESS_S)
        numbers = _numbers(work)
        tell(
            f"{len(one.mine)} partitions, {numbers['stored']} pages stored, {numbers['items']} items, "
            f"{sum(each.recorder.in_flight() for each in one.mine.values())} under way"
        )


def _numbers(work: "ScrapeWork") -> dict[str, int]:
    """What the partitions of this worker have done, with what they had done before they were its own."""
    ledgers = [each.ledger for each in work.accounts.values()]
    return {
        "stored": sum(each.stored for each in ledgers),
        "items": sum(each.items for each in ledgers),
        "failed": sum(each.failed for each in ledgers),
    }


def _report(ended: str | None, numbers: dict[str, int], own: dict[str, Any], tell: Any) -> None:
    if own.get("json"):
        from scraper_cpn.cli.words import print_json

        print_json({"ended": ended, **numbers})
        return
    how = (
        "the crawl goes on without this worker"
        if ended is None
        else f"the crawl has ended: {ended}"
    )
    tell(f"{how}; its partitions had {numbers['stored']} pages stored, {numbers['items']} items")


def _code(ended: str | None, received: Sequence[int]) -> int:
    if received:
        return SIGNALLED + received[-1]
    return INCOMPLETE if ended in ("stuck", "faulted") else DONE


# Several workers.


def _many_processes(argv: list[str], number: int, *, quiet: bool) -> int:
    """Start workers, each in a process of its own, and start one again that is killed."""
    tell = teller(silent=quiet)
    command = [sys.executable, "-m", "scraper_cpn", "worker", *_without(argv, "--processes")]
    stopping: list[int] = []

    running: list[subprocess.Popen[bytes]] = []

    def stop(received: int, _frame: object) -> None:
        stopping.append(received)
        for each in running:
            each.send_signal(received)

    def start() -> None:
        """Start one more, which leaves at once if a signal has come before it could get it."""
        if stopping:
            return
        one = _started(command)
        running.append(one)
        if stopping:
            one.send_signal(stopping[-1])

    before = {one: signal.signal(one, stop) for one in SIGNALS}
    try:
        for _ in range(number):
            start()
        codes: list[int] = []
        while running:
            for each in list(running):
                code = each.poll()
                if code is None:
                    continue
                running.remove(each)
                if code < 0 and not stopping:
                    tell(f"a worker was ended by signal {-code}; starting another")
                    time.sleep(AGAIN_S)
                    start()
                else:
                    codes.append(code)
            time.sleep(0.05)
    finally:
        for each_signal, handler in before.items():
            signal.signal(each_signal, handler)
    return SIGNALLED + stopping[-1] if stopping else max(codes)


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a worker in a session of its own, so that a Ctrl-C reaches it once: from here."""
    return subprocess.Popen(  # noqa: S603 - this program itself
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, PARENT: str(os.getpid())},
    )


def _without(argv: list[str], option: str) -> list[str]:
    """A command line without an option that has a value."""
    rest, words = list[str](), iter(argv)
    for word in words:
        if word == option:
            next(words, None)
        elif not word.startswith(f"{option}="):
            rest.append(word)
    return rest
