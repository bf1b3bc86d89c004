"""Mistakes that mypy finds before a net is even defined."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """
from msgspec import Struct
from scraper_cpn.net import Lost, Net, absent, choose, consume, hold, on, put, put_new, read, spend, take

class Target(Struct, frozen=True):
    domain: str
    attempt: int = 1

    def again(self) -> "Target":
        return Target(self.domain, self.attempt + 1)

class Proxy(Struct, frozen=True):
    domain: str

class Fetched(Struct, frozen=True):
    body: bytes

class Failed(Struct, frozen=True):
    reason: str

class Raw(Struct, frozen=True):
    target: Target
    body: bytes

def raw(target: Target, fetched: Fetched) -> Raw:
    return Raw(target, fetched.body)

def tired(proxy: Proxy) -> Proxy:
    return proxy

def ripe(target: Target) -> bool:
    return target.attempt > 0

def verdict(target: Target) -> Fetched | Failed:
    return Failed(target.domain)

def links(page: Raw) -> list[Target]:
    return [page.target]

def wait_ns(target: Target) -> int:
    return target.attempt

net = Net("typed")
targets = net.place("targets", Target, key="domain", timed=True, source=True)
proxies = net.place("proxies", Proxy, key="domain", timed=True, source=True)
pages = net.place("pages", Raw)
permits = net.counter("permits", start=3)
seen = net.set("seen", Target, key="domain")
out = net.sink("out", Raw)
log = net.sink("log", Failed)
fetch = net.effect("fetch", Fetched | Failed)
"""

GOOD = """
net.transition(
    "fetch",
    [take(targets, when=ripe), hold(permits), spend(proxies, tired, after_ns=5)],
    effect=fetch(targets, proxies),
    outcomes=[
        on(Fetched, put(pages, raw, targets, Fetched)),
        on(Failed, put(targets, Target.again, targets, after_ns=wait_ns), put(log)),
        on(Lost, put(targets), consume(permits)),
    ],
)
net.transition("admit", [pages], outputs=[put_new(seen, targets, links, pages), put(out)])
net.transition(
    "judge",
    [targets, read(permits)],
    choice=choose(verdict, targets),
    outcomes=[on(Fetched), on(Failed)],
)
put(pages, lambda target, fetched: Raw(target, fetched.body), targets, Fetched)
put(targets, lambda target: [target, target], targets)
"""

MISTAKES = {
    "a token of the wrong colour": "put(proxies, Target.again, targets)",
    "a source of the wrong colour": "put(pages, raw, proxies, Fetched)",
    "sources in the wrong order": "put(pages, raw, Fetched, targets)",
    "the wrong outcome": "put(pages, raw, targets, Failed)",
    "a source too few": "put(pages, raw, targets)",
    "a source too many": "put(targets, Target.again, targets, Failed)",
    "no source at all": "put(targets, Target.again)",
    "a field that the outcome lacks": "put(pages, lambda t, e: Raw(t, e.body), targets, Failed)",
    "a field that the token lacks": "put(targets, lambda t: Target(t.host), targets)",
    "a list of the wrong colour": "put(proxies, links, pages)",
    "a counter with a function": "put(permits, Target.again, targets)",
    "a set where a place belongs": "put(seen, Target.again, targets)",
    "a set of another colour": "put_new(seen, proxies, tired, proxies)",
    "put_new of the wrong colour": "put_new(seen, targets, tired, proxies)",
    "a guard on another colour": "take(proxies, when=ripe)",
    "a guard that is no question": "take(targets, when=Target.again)",
    "a change to another colour": "spend(proxies, Target.again)",
    "a change into another colour": "spend(targets, lambda target: Proxy(target.domain))",
    "a wait of another colour": "spend(proxies, after_ns=wait_ns)",
    "a wait that is no integer": "put(targets, after_ns=1.5)",
    "a counter that is spent": "spend(permits)",
    "a set that is held": "hold(seen)",
    "a counter that must be absent": "absent(permits)",
    "a choice on another colour": "choose(verdict, proxies)",
    "an effect given an outcome": "fetch(Fetched)",
    "an outcome that is no type": "on(Failed('x'), put(log))",
    "an input that is a set": 'net.transition("x", [seen])',
    "an input that is a name": 'net.transition("x", ["targets"])',
    "a field for a key that is no name": 'net.place("x", Target, key=5)',
    "a capacity that is no integer": 'net.place("x", Target, capacity="5")',
}


@pytest.mark.slow
def test_mypy_finds_every_mistake_and_none_in_a_good_net(tmp_path: Path) -> None:
    """R37: each planted line is an error at that line, and the good net has none."""
    source = HEAD + GOOD
    first = source.count("\n") + 1
    lines = [f"{code}  # {name}" for name, code in MISTAKES.items()]
    file = tmp_path / "planted.py"
    file.write_text(source + "\n".join(lines) + "\n")
    found = errors(file)
    where = {first + number: line for number, line in enumerate(lines)}
    assert [line for number, line in where.items() if number not in found] == []
    assert found - where.keys() == set()


def errors(file: Path) -> set[int]:
    """The lines of *file* in which mypy --strict finds an error."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(file)]
    command += ["--cache-dir", str(file.parent / "cache")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    pattern = re.compile(rf"^{re.escape(str(file))}:(\d+): error: ", re.MULTILINE)
    return {int(number) for number in pattern.findall(done.stdout)}
