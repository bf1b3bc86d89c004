"""Running nets whose transitions people begin: live, kept, replayed and in virtual time."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import msgspec
import pytest

from scraper_cpn.net import Binding, Interpreter, Lost, Net, Stale, compile_net, on, put
from scraper_cpn.run.live import Live, running
from scraper_cpn.simulate.net import simulate_net


class Draft(msgspec.Struct, frozen=True):
    words: int


class Signed(msgspec.Struct, frozen=True):
    by: str


def desk() -> Net:
    net = Net("desk")
    drafts = net.place("drafts", Draft, source=True, work=True)
    signed = net.sink("signed", Draft)
    sign = net.effect("sign", Signed)
    net.transition(
        "sign",
        [drafts],
        effect=sign(drafts),
        outcomes=[on(Signed, put(signed, lambda draft: draft, drafts)), on(Lost, put(drafts))],
        manual=True,
    )
    net.transition("drop", [drafts], manual=True)
    return net


async def sign(draft: Draft) -> Signed:
    return Signed("ann")


async def signed(live: Live) -> list[int]:
    """Somebody signs the last draft, and drops the others; what was chosen before is stale then."""
    order: list[int] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(live.finish)
        await anyio.lowlevel.checkpoint()
        early = live.bindings("drop")
        live.begin(live.bindings("sign")[-1])
        with pytest.raises(Stale):
            live.begin(early[-1])
        while found := live.bindings("drop", limit=1):
            order.append(live.begin(found[0]).args == () and found[0].tokens[0].colour.words)
            await anyio.lowlevel.checkpoint()
        assert live.try_begin(early[0]) is None
    return order


@pytest.mark.parametrize("kept", [False, True])
def test_a_running_net_waits_for_people(kept: bool, tmp_path: Path) -> None:
    """It has not ended while somebody could begin what is left; each of their firings runs its effect."""
    file = tmp_path / "desk.db"

    async def go() -> None:
        rows: list[int] = []
        async with running(
            desk(), {"sign": sign}, keep=file if kept else None,
            on_row=lambda row: rows.append(row.colour.words),
        ) as live:  # fmt: skip
            drafts = live.net.places["drafts"]
            for words in (1, 2, 3):
                live.inject(drafts, Draft(words))  # type: ignore[arg-type]
            assert await signed(live) == [1, 2]
            assert (live.count("drafts"), rows) == (0, [3])

    anyio.run(go)


def test_what_was_begun_before_the_net_runs_starts_then(tmp_path: Path) -> None:
    """A kept run that nobody runs may be decided upon: the effect starts with the run."""

    async def go() -> None:
        async with running(desk(), {"sign": sign}, keep=tmp_path / "desk.db") as live:
            live.inject(live.net.places["drafts"], Draft(1))  # type: ignore[arg-type]
            live.begin(live.bindings("sign")[0])
            ran = await live.finish()
            assert (ran.ended, [row.colour for row in ran.rows]) == ("finished", [Draft(1)])

    anyio.run(go)


def test_in_virtual_time_a_function_chooses() -> None:
    """It is asked when nothing else fires; without one, the run waits, and says so."""

    def longest(found: tuple[Binding, ...], now_ns: int) -> Binding | None:
        return max(found, key=lambda each: each.tokens[0].colour.words) if now_ns < 9 else None

    net = desk()
    tokens = {net.places["drafts"]: [Draft(2), Draft(3), Draft(1)]}
    durations = {"sign": (4, Signed("ann"))}
    done = simulate_net(net, durations, tokens, manual={"sign": longest})  # type: ignore[arg-type]
    assert ([row.colour.words for row in done.rows], done.ended, done.firings) == (
        [3, 2, 1],
        "finished",
        3,
    )
    idle = simulate_net(net, durations, tokens)  # type: ignore[arg-type]
    assert (idle.ended, idle.firings) == (None, 0)


def test_virtual_time_passes_to_what_only_a_hand_can_take() -> None:
    """A chooser is asked when a token becomes ready for it, though nothing else happens then."""
    net = Net("rest")
    drafts = net.place("drafts", Draft, source=True, work=True)
    rested = net.place("rested", Draft, timed=True, work=True)
    signed = net.sink("signed", Draft)
    after = {"after_ns": lambda draft: 10 * draft.words}
    net.transition("rest", [drafts], outputs=[put(rested, lambda draft: draft, drafts, **after)])
    net.transition("sign", [rested], outputs=[put(signed)], manual=True)
    asked: list[int] = []

    def second(found: tuple[Binding, ...], now_ns: int) -> Binding | None:
        asked.append(now_ns)
        return found[0] if now_ns > 10 else None

    tokens = {drafts: [Draft(3), Draft(1), Draft(2)]}
    done = simulate_net(net, {}, tokens, manual={"sign": second})
    assert (done.ended, done.now_ns, asked) == ("finished", 30, [10, 20, 20, 30])
    stopped = simulate_net(net, {}, tokens, manual={"sign": second}, until_ns=15)
    assert (stopped.ended, stopped.now_ns, stopped.rows) == (None, 15, ())
    for kernel in (Interpreter(net), compile_net(net)):
        for draft in (Draft(3), Draft(1)):
            kernel.inject(drafts, draft, 0)
        kernel.step(0)
        later = [kernel.next_by_hand(["sign"], now_ns) for now_ns in (0, 10, 30)]
        assert later == [10, 30, None]
