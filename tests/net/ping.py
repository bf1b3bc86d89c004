"""A small net for the tests: jobs call their host over one of a few lines, politely.

Owns: the colours, the net, and the events of a kernel as lines that are easy to read.
"""

from typing import Any

from msgspec import Struct

from scraper_cpn.net import Lost, Net, hold, on, put, spend

SECOND = 1_000_000_000


class Job(Struct, frozen=True):
    host: str
    attempt: int = 1

    def again(self) -> "Job":
        return Job(self.host, self.attempt + 1)


class Host(Struct, frozen=True):
    host: str


class Ok(Struct, frozen=True):
    size: int = 0


class Down(Struct, frozen=True):
    reason: str = "busy"


def ping_net(lines: int = 2, capacity: int | None = None) -> Net:
    """Jobs join their host, which rests a second; what is down is tried again after five."""
    net = Net("ping")
    jobs = net.place(
        "jobs", Job, key="host", order="attempt", timed=True, source=True, work=True
    )  # fmt: skip
    hosts = net.place("hosts", Host, key="host", timed=True, source=True)
    free = net.counter("lines", start=lines)
    done = net.place("done", Job, capacity=capacity, work=True)
    log = net.sink("log", Job)
    ping = net.effect("ping", Ok | Down)
    net.transition(
        "call",
        [jobs, hold(free), spend(hosts, after_ns=SECOND)],
        effect=ping(jobs),
        outcomes=[
            on(Ok, put(done)),
            on(Down, put(jobs, Job.again, jobs, after_ns=5 * SECOND)),
            on(Lost, put(jobs)),
        ],
    )
    net.transition("file", [done], outputs=[put(log)], priority=1)
    return net


class Log(list[str]):
    """A trace, one line an event: what happened, to whom, and what was put where."""

    def __call__(self, event: tuple[Any, ...]) -> None:
        kind = event[0]
        self.append(" ".join([kind, *(_text(part) for part in event[1:])]))

    def take(self) -> list[str]:
        """The lines since the last call."""
        lines = list(self)
        self.clear()
        return lines


def _text(part: Any) -> str:
    if isinstance(part, tuple) and part and isinstance(part[0], str):
        place, serial, _, ready_at_ns = part
        return f"{place}#{serial}" + (f"@{ready_at_ns}" if ready_at_ns else "")
    if isinstance(part, tuple):
        return "[" + " ".join(_text(each) for each in part) + "]"
    return str(part)
