"""What two versions of a net are compared by."""

from msgspec import Struct

from scraper_cpn.net import Lost, Net, Share, hold, keyed, local, on, put
from scraper_cpn.store.net_signature import differences, hash_of, listed, signature_of


class Job(Struct, frozen=True):
    host: str


class Done(Struct, frozen=True):
    pass


def net(*, slots: int = 1, key: str = "host", lost: bool = True, priority: int = 0) -> Net:
    """Jobs that are done, in a few variants."""
    made = Net("jobs")
    jobs = made.place("jobs", Job, key=key, source=True, work=True)
    done, line = made.sink("done", Job), made.counter("line", start=slots)
    call = made.effect("call", Done)
    ends = [on(Done, put(done)), on(Lost, put(jobs) if lost else put(done))]
    made.transition("call", [jobs, hold(line)], effect=call(jobs), outcomes=ends, priority=priority)
    return made


def test_numbers_may_change() -> None:
    """A limit that is given anew makes no other net."""
    assert signature_of(net(slots=1), {}) == signature_of(net(slots=9), {})


def test_whatever_else_differs_is_named() -> None:
    """A place, an outcome, a version: each is reported by its name, with both forms."""
    before = signature_of(net(), {"policy": "1"})
    for other, name in (
        (net(key=()), "place jobs"),  # type: ignore[arg-type]
        (net(lost=False), "transition call"),
        (net(priority=3), "transition call"),
    ):
        (line,) = differences(before, signature_of(other, {"policy": "1"}))
        assert line.startswith(f"{name} was (")
        assert hash_of(before) != hash_of(signature_of(other, {"policy": "1"}))
    assert differences(before, signature_of(net(), {"policy": "2"})) == ["policy was (1), is (2)"]
    assert differences(before, signature_of(net(), {})) == ["policy is gone"]
    assert differences(signature_of(net(), {}), before) == ["policy is new"]


def test_the_order_of_declaration_is_part_of_it() -> None:
    """It decides which transition goes first."""
    signature = signature_of(net(), {})
    turned = dict(reversed(signature.items()))
    assert differences(signature, turned) == ["the order of declaration"]
    assert hash_of(signature) != hash_of(turned)


def test_of_many_differences_the_first_are_listed() -> None:
    """One line stays readable."""
    assert listed(["a", "b"]) == "a; b"
    assert listed(list("abcdefg")) == "a; b; c; d; e; and 2 more"


def test_of_a_long_description_only_what_differs_is_shown() -> None:
    """A new field in the middle is named, with what stands before it; what is alike on both sides is left out."""
    fields = ", ".join(f"field_{number}: int" for number in range(60))
    more = fields.replace("field_30", "silent: int, field_30")
    assert differences({"place p": f"P({fields}) key k"}, {"place p": f"P({more}) key k"}) == [
        "place p was (... field_29: int, ...), is (... field_29: int, silent: int, ...)"
    ]
    (line,) = differences({"place p": fields}, {"place p": fields.replace("field", "other")})
    assert len(line) < 300


def divided(share: Share | None = None, tells: str = "host") -> Net:
    """A net that is divided, in a few variants."""
    made = Net("divided", partition="host", tells={tells: str.lower})
    jobs = made.place("jobs", Job, key="host", source=True)
    late = made.place("late", Job, source=True, share=share or keyed("host"))
    made.transition("drop", [jobs])
    made.transition("end", [late])
    return made


def test_how_a_net_is_divided_is_part_of_it() -> None:
    """The partition key, what tells it, the number of partitions and each share are compared."""
    before = signature_of(divided(), {}, 4)
    assert before["partitions"] == "4 by host; host by lower"
    assert differences(before, signature_of(divided(), {}, 8)) == [
        "partitions was (4 by host; host by lower), is (8 by host; host by lower)"
    ]
    (line,) = differences(before, signature_of(divided(local), {}, 4))
    assert line.endswith("source share keyed by host), is (Job(host: str) source share local)")
    assert differences(before, signature_of(divided(tells="page"), {}, 4)) == [
        "partitions was (4 by host; host by lower), is (4 by host; page by lower)"
    ]


def test_shares_of_a_net_that_is_not_divided_are_no_part_of_it() -> None:
    """They mean nothing there."""
    assert not any("share" in line for line in signature_of(net(), {}).values())
    assert "partitions" not in signature_of(net(), {}, 4)
