"""Manual transitions: what they could take is listed, and fires when somebody begins it."""

from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Binding,
    Lost,
    Net,
    NetError,
    Stale,
    absent,
    choose,
    expired,
    hold,
    on,
    put,
    read,
    take,
)
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.costs import costs
from tests.net.running import Execution, boom, inject, kernel_of
from tests.net.test_cost import calls_of

pytestmark = pytest.mark.usefixtures("both_executions")


class Draft(Struct, frozen=True):
    author: str
    words: int


class Editor(Struct, frozen=True):
    author: str
    name: str


class Signed(Struct, frozen=True):
    pass


def desk(*more: Any, **options: Any) -> Net:
    """Somebody chooses which draft of an author an editor of that author signs."""
    net = Net("desk")
    drafts = net.place(
        "drafts", Draft, key="author", timed=True, expires=True, source=True, work=True
    )
    editors = net.place("editors", Editor, key="author", source=True)
    pens = net.counter("pens", start=2)
    net.place("strikes", Editor, key="author", source=True)
    shelf = net.place("shelf", Draft, capacity=2)
    net.transition("late", [expired(drafts)])
    sign = net.effect("sign", Signed)
    net.transition(
        "sign",
        [drafts, hold(editors), take(pens), absent(net.places["strikes"]), *more],  # type: ignore[arg-type]
        effect=sign(drafts),
        outcomes=[on(Signed, put(shelf, lambda draft: draft, drafts)), on(Lost, put(drafts))],
        manual=True,
        **options,
    )
    net.transition("empty", [shelf], manual=True)
    return net


def filled(net: Net) -> Execution:
    kernel, _ = kernel_of(net)
    inject(kernel, "drafts", Draft("ann", 1), Draft("ann", 2), Draft("bob", 3), expires_at_ns=90)
    inject(kernel, "editors", Editor("ann", "x"), Editor("ann", "y"), Editor("bob", "z"))
    return kernel


def described(bindings: tuple[Binding, ...]) -> list[tuple[Any, ...]]:
    return [(b.key, b.ordinal, *(token.serial for token in b.tokens)) for b in bindings]


def test_no_step_fires_a_manual_transition_and_all_it_could_take_is_listed() -> None:
    """R49: in the order of bindings, numbered for each key; listing changes nothing."""
    kernel = filled(desk())
    before = kernel.marking()
    assert (kernel.step(0).firings, kernel.step(0).wake_ns) == ((), 90)
    found = kernel.bindings("sign", 0)
    assert described(found) == [
        ("ann", 0, 1, 4), ("ann", 1, 1, 5), ("ann", 2, 2, 4), ("ann", 3, 2, 5), ("bob", 0, 3, 6)
    ]  # fmt: skip
    assert kernel.bindings("sign", 0, limit=2) == found[:2]
    assert found[4].serials == (3, 6, -1, -1)
    assert kernel.marking() == before


def test_a_binding_fires_and_what_it_took_makes_others_stale() -> None:
    """R49: the second one gets an error, and nothing has changed."""
    kernel = filled(desk())
    found = kernel.bindings("sign", 0)
    firing = kernel.begin(found[1], 1)
    assert (firing.effect, firing.args) == ("sign", (Draft("ann", 1),))
    before = kernel.marking()
    with pytest.raises(Stale, match="drafts 1, editors 4 is stale"):
        kernel.begin(found[0], 1)
    assert kernel.try_begin(found[3], 1) is None
    assert kernel.marking() == before
    kernel.revoke(firing.id)
    assert kernel.begin(found[0], 1).args == (Draft("ann", 1),)


@pytest.mark.parametrize("gone", ["number", "absence", "slot", "time"])
def test_a_binding_is_stale_once_something_it_needs_is_gone(gone: str) -> None:
    """R49: a number at its end, a token that must not be there, a place that is full, a time that has passed."""
    kernel = filled(desk())
    last = kernel.bindings("sign", 0)[4]
    now_ns = 0
    if gone == "number":
        for _ in range(2):
            kernel.begin(kernel.bindings("sign", 0)[0], 0)
    elif gone == "absence":
        inject(kernel, "strikes", Editor("bob", "strike"))
    elif gone == "slot":
        for _ in range(2):
            firing = kernel.begin(kernel.bindings("sign", 0)[0], 0)
            kernel.started(firing.id, 0)
            kernel.complete(firing.id, Signed(), 0)
    else:
        now_ns = 90
    assert kernel.try_begin(last, now_ns) is None
    if gone == "absence":
        assert described(kernel.bindings("sign", 0))[-1][0] == "ann"


def test_more_tokens_make_a_binding_of_all_stale() -> None:
    """R49: an arc with `all` takes all that it sees, so that one more token is another binding."""
    net = Net("n")
    jobs = net.place("jobs", Draft, key="author", source=True)
    out = net.sink("out", Draft)
    net.transition("flush", [take(jobs, all=True)], outputs=[put(out)], join=(), manual=True)
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Draft("ann", 1), Draft("bob", 2))
    (both,) = kernel.bindings("flush", 0)
    inject(kernel, "jobs", Draft("ann", 3))
    assert kernel.try_begin(both, 0) is None
    (three,) = kernel.bindings("flush", 0)
    log.clear()
    firing = kernel.begin(three, 0)
    assert (firing.effect, len(log)) == ("", 1)
    assert kernel.marking().next_id == firing.id + 1
    assert kernel.count("out") == 3


def test_a_binding_outlives_saving_and_loading() -> None:
    """R31, R49: a reference is data; a kernel that goes on from the marking takes it."""
    net = desk()
    kernel = filled(net)
    last = kernel.bindings("sign", 0)[-1]
    again = type(kernel).load(net, kernel.marking())
    assert again.begin(last, 0).args == (Draft("bob", 3),)


def test_a_run_waits_for_people_while_work_is_left() -> None:
    """R30, R49: it has not ended while somebody could begin something that is left to do."""
    kernel = filled(desk())
    assert kernel.ended(0) is None
    kernel.step(90)
    assert kernel.ended(90) == "finished"
    stuck = kernel_of(desk())[0]
    inject(stuck, "drafts", Draft("ann", 1))
    assert stuck.ended(0) == "stuck"
    inject(stuck, "editors", Editor("ann", "x"))
    assert stuck.ended(0) is None


def test_a_guard_over_several_tokens_picks_what_is_listed() -> None:
    """R4, R49: what it refuses or raises on is no binding, and is not set aside by listing."""

    def longer(draft: Draft, _: Editor) -> bool:
        return draft.words > 1 or boom()

    net = Net("n")
    drafts = net.place("drafts", Draft, source=True)
    editors = net.place("editors", Editor, source=True)
    net.transition(
        "sign", [drafts, read(editors)], scan=choose(longer, drafts, editors), manual=True
    )
    kernel, _ = kernel_of(net)
    inject(kernel, "drafts", Draft("ann", 1), Draft("ann", 2))
    inject(kernel, "editors", Editor("ann", "x"))
    (found,) = kernel.bindings("sign", 0)
    assert found.tokens[0].colour == Draft("ann", 2)
    assert kernel.marking().faulted == ()
    assert "tries combinations" in costs(net)[0]


def test_a_function_that_raises_sets_aside_what_was_bound_last() -> None:
    """R27, R49: a firing in one go that fails has no id."""
    net = Net("n")
    drafts = net.place("drafts", Draft, source=True)
    out = net.sink("out", Draft)
    net.transition("sign", [drafts], outputs=[put(out, boom, drafts)], manual=True)
    kernel, _ = kernel_of(net)
    inject(kernel, "drafts", Draft("ann", 1))
    assert kernel.begin(kernel.bindings("sign", 0)[0], 0).id == 0
    assert len(kernel.marking().faulted) == 1


def test_only_manual_transitions_are_begun_by_hand() -> None:
    """R35: the others fire by themselves, and `begin` refuses them."""
    kernel = filled(desk())
    with pytest.raises(
        NetError, match="transition late: fires by itself; declare it with manual=True"
    ):
        kernel.bindings("late", 0)
    with pytest.raises(NetError, match="has no transition nowhere"):
        kernel.bindings("nowhere", 0)
    inject(kernel, "editors", Editor("ann", "q"), now_ns=5)
    with pytest.raises(NetError, match="time went back"):
        kernel.begin(kernel.bindings("sign", 5)[0], 4)
    lacks = [lack.reason for lack in kernel.explain(3, 5) if lack.transition == "sign"]
    assert lacks == ["is enabled; it fires when it is begun by hand"]


def test_to_begin_a_binding_costs_its_inputs_and_not_the_tokens_that_wait() -> None:
    """R49: a place with 5,000 tokens is not searched for the one that was chosen."""
    costs_of = []
    for drafts in (10, 2_000):
        kernel = Compiled(desk())
        inject(kernel, "drafts", *(Draft("ann", n) for n in range(drafts)))
        inject(kernel, "editors", Editor("ann", "x"))
        found = kernel.bindings("sign", 0, limit=5)[4]
        costs_of.append(calls_of(lambda: kernel.begin(found, 0)))  # noqa: B023
    assert costs_of[1] < 2 * costs_of[0]
