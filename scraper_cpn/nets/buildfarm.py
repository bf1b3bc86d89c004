"""A build farm as a net: which build may run where and when, but not how.

Owns: one example that uses the kernel alone. A build needs a machine of its platform and one of a few
licences, in one step or not at all. A build that fails is tried again, later each time, up to three
times; one that waits for a machine longer than its patience is given up. What is built waits for the
upload, of which there is one at a time and little room before it: a slow upload stops the builds.
Must not know: compilers, machines, networks; clocks.

A loop of a dozen lines runs it, here in virtual time:

    >>> from heapq import heappop, heappush
    >>> from scraper_cpn.net import Interpreter
    >>> def run(kernel, effects):
    ...     ends, now_ns = [], 0
    ...     while kernel.ended(now_ns) is None:
    ...         step = kernel.step(now_ns)
    ...         for firing in step.firings:
    ...             kernel.started(firing.id, now_ns)
    ...             takes_ns, outcome = effects[firing.effect](*firing.args)
    ...             heappush(ends, (now_ns + takes_ns, firing.id, outcome))
    ...         times = (step.wake_ns, *(end[0] for end in ends))
    ...         now_ns = min((time_ns for time_ns in times if time_ns is not None), default=now_ns)
    ...         while ends and ends[0][0] == now_ns:
    ...             kernel.complete(*heappop(ends)[1:], now_ns)

A second for everything; the first attempt at `doc` fails; nobody has a machine for `ios`:

    >>> def build(build, machine):
    ...     fails = (build.name, build.attempt) == ("doc", 1)
    ...     return SECOND, Broken("no network") if fails else Built(1000)
    >>> def upload(package):
    ...     return SECOND, Uploaded()
    >>> net, log = build_farm(licences=2), []
    >>> kernel = Interpreter(net, log.append)
    >>> for machine in (Machine("m1", "arm"), Machine("m2", "x86")):
    ...     kernel.inject(net.places["machines"], machine, 0)
    >>> for name, platform in (("app", "arm"), ("doc", "x86"), ("ios", "mac")):
    ...     kernel.inject(net.places["builds"], Build(name, platform, 3 * SECOND), 0, expires_at_ns=3 * SECOND)
    >>> run(kernel, {"build": build, "upload": upload})
    >>> for event in log:
    ...     if event[0] in {"begin", "fire", "end"}:
    ...         print(event[1] // SECOND, event[0], event[2], event[3])
    0 begin 1 build
    0 begin 2 build
    1 end 1 Built
    1 end 2 Broken
    1 fire 3 judge
    1 begin 4 upload
    2 end 4 Uploaded
    3 begin 5 build
    3 fire 6 give_up
    4 end 5 Built
    4 begin 7 upload
    5 end 7 Uploaded
    >>> for row in kernel.drain():
    ...     print(row.sink, row.colour)
    published Package(build='app', size_bytes=1000)
    failures Failure(build='ios', reason='no machine in time')
    published Package(build='doc', size_bytes=1000)
    >>> kernel.ended(5 * SECOND)
    'finished'
"""

from msgspec import Struct

from scraper_cpn.net import Lost, Net, choose, expired, hold, on, put

SECOND = 1_000_000_000
ATTEMPTS = 3


class Build(Struct, frozen=True):
    """Something to build."""

    name: str
    platform: str
    patience_ns: int
    """An attempt waits at most this long for a machine and a licence."""
    attempt: int = 1


class Machine(Struct, frozen=True):
    """A machine that builds for one platform, one build at a time."""

    name: str
    platform: str


class Fault(Struct, frozen=True):
    """An attempt that did not succeed."""

    build: Build
    reason: str


class Package(Struct, frozen=True):
    """What a build made."""

    build: str
    size_bytes: int


class Failure(Struct, frozen=True):
    """A row: a build that will not be tried again."""

    build: str
    reason: str


class Built(Struct, frozen=True):
    """The outcome of a build that succeeded."""

    size_bytes: int


class Broken(Struct, frozen=True):
    """The outcome of a build that did not."""

    reason: str


class Uploaded(Struct, frozen=True):
    """The outcome of an upload."""


class Again(Struct, frozen=True):
    """The choice to try once more."""


class Over(Struct, frozen=True):
    """The choice to give up."""


def build_farm(licences: int) -> Net:
    """The net. Builds and machines come in as tokens, packages and failures leave as rows."""
    net = Net("build farm")
    builds = net.place(
        "builds", Build, key="platform", timed=True, expires=True, source=True, work=True
    )
    machines = net.place("machines", Machine, key="platform", source=True)
    free = net.counter("licences", start=licences)
    faults = net.place("faults", Fault, work=True)
    packages = net.place("packages", Package, capacity=4, work=True)
    line = net.counter("line", start=1)
    published, failures = net.sink("published", Package), net.sink("failures", Failure)
    build, upload = net.effect("build", Built | Broken), net.effect("upload", Uploaded)

    net.transition(
        "build",
        [builds, hold(machines), hold(free)],
        effect=build(builds, machines),
        outcomes=[
            on(Built, put(packages, _package, builds, Built)),
            on(Broken, put(faults, _broken, builds, Broken)),
            on(Lost, put(faults, _lost, builds, Lost)),
        ],
    )
    again = put(builds, _next_attempt, faults, after_ns=_back_off_ns, lasts_ns=_lasts_ns)
    over = put(failures, _failure, faults)
    verdict = choose(_verdict, faults)
    net.transition("judge", [faults], choice=verdict, outcomes=[on(Again, again), on(Over, over)])
    net.transition("give_up", [expired(builds)], outputs=[put(failures, _too_late, builds)])
    net.transition(
        "upload",
        [packages, hold(line)],
        effect=upload(packages),
        outcomes=[on(Uploaded, put(published)), on(Lost, put(packages))],
    )
    return net


def _package(build: Build, built: Built) -> Package:
    return Package(build.name, built.size_bytes)


def _broken(build: Build, broken: Broken) -> Fault:
    return Fault(build, broken.reason)


def _lost(build: Build, lost: Lost) -> Fault:
    return Fault(build, lost.reason)


def _verdict(fault: Fault) -> Again | Over:
    return Again() if fault.build.attempt < ATTEMPTS else Over()


def _next_attempt(fault: Fault) -> Build:
    build = fault.build
    return Build(build.name, build.platform, build.patience_ns, build.attempt + 1)


def _back_off_ns(fault: Fault) -> int:
    """Two seconds before the second attempt, four before the third."""
    return SECOND << fault.build.attempt


def _lasts_ns(fault: Fault) -> int:
    return _back_off_ns(fault) + fault.build.patience_ns


def _failure(fault: Fault) -> Failure:
    return Failure(fault.build.name, fault.reason)


def _too_late(build: Build) -> Failure:
    return Failure(build.name, "no machine in time")
