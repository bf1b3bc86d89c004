"""The records of keys: the tokens and numbers of a key that joins need, and which keys are complete.

Owns: the text of the records' classes, of `record_*`, and of `look_*`, `ripen_*`, `next_*` for each meeting.
Must not know: what transitions do.

A meeting has a heap of records, `ready`, by the turn of their lead token. For those that wait it has alarms:
`due` lists the records by the time at which they become complete; `future` is a heap of these times, each once.
A record knows its entries in both. Adding something to a key examines its record (`look_*`); taking something
invalidates the record, and examines it again if it may still be complete. An entry that differs from its record is
dead, and is dropped when it reaches the top. So there are no lists of waiters, and a blocked key costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from scraper_cpn.net.compiled.generate.indexes import Index, Influence, Meeting
from scraper_cpn.net.compiled.generate.influence import hasten, noted
from scraper_cpn.net.compiled.generate.layout import Layout
from scraper_cpn.net.compiled.generate.text import Text, assign
from scraper_cpn.net.places import Counter


def waits(found: Index) -> bool:
    """Whether an index may contain tokens that can't be taken yet."""
    return found.place.timed and not found.ignores_ready


def _timed(meeting: Meeting) -> list[Index]:
    """The indexes for whose tokens a meeting may have to wait; without any, it has no alarms."""
    return [found for found in meeting.indexes if waits(found)]


def write_records(text: Text, layout: Layout) -> None:
    """The records of each family of keys, and the heaps of each meeting."""
    if layout.kept.records:
        text.add("numbered = count()", "")
    for names in layout.kept.records:
        _record(text, layout, names)
    for meeting in layout.kept.meetings:
        text.add(f"{meeting.name}_ready = []", f"{meeting.name}_most = SLACK")
        if _timed(meeting):
            text.add(f"{meeting.name}_future = []", f"{meeting.name}_due = {{}}")
            text.add(f"{meeting.name}_alarms = 0", f"{meeting.name}_alarms_most = SLACK")
        text.add("")
        _write_look(text, layout, meeting)
        if _timed(meeting):
            _ripen(text, layout, meeting)
        _next(text, meeting)


def fields(layout: Layout, names: tuple[str, ...]) -> list[Index]:
    """The indexes in the records of these keys."""
    found = {e.name: e for m in layout.kept.meetings if m.keys == names for e in m.indexes}
    return list(found.values())


def numbers(layout: Layout, names: tuple[str, ...]) -> list[Counter]:
    """The counters in the records of these keys."""
    found = {e.name: e for m in layout.kept.meetings if m.keys == names for e in m.numbers}
    return list(found.values())


def _record(text: Text, layout: Layout, names: tuple[str, ...]) -> None:
    records = layout.kept.records[names]
    held = [found.name for found in fields(layout, names)]
    counted = [layout.var(counter) for counter in numbers(layout, names)]
    met = [meeting for meeting in layout.kept.meetings if meeting.keys == names]
    serials = [f"{meeting.name}_serial" for meeting in met]
    alarms = [f"{meeting.name}_alarm" for meeting in met if _timed(meeting)]
    text.add(f"# What there is of each {', '.join(names)}.", "", f"{records} = {{}}", "")
    with text.block(f"class Record_{records}:"):
        slots = [*held, *counted, *serials, *alarms]
        text.add(
            "__slots__ = (", '    "key", "number",', *(f'    "{each}",' for each in slots), ")"
        )
        with text.block("def __init__(self, key):"):
            text.add("self.key, self.number = key, next(numbered)")
            text.add("".join(f"self.{name} = " for name in held) + "None")
            for counter in numbers(layout, names):
                declared = layout.names.of(counter, f"{layout.var(counter)}_declared")
                text.add(f"self.{layout.var(counter)} = {declared}.first(key)")
            text.add("".join(f"self.{name} = " for name in serials) + "-1")
            text.add(*(f"self.{name} = NEVER" for name in alarms))
        with text.block(
            "def __lt__(self, other):  # of a token that came back to a key that was forgotten"
        ):
            text.add("return self.number < other.number")
    text.add("")
    with text.function(f"record_{records}(key)"):
        text.add(f"{records}[key] = record = Record_{records}(key)", "return record")
    if counted:
        with text.function(f"find_{records}(key)"):
            text.add(f"return {records}.get(key) or record_{records}(key)")
    with text.function(f"forget_{records}(record)"):
        empty = [f"record.{name} is None" for name in held]
        for counter in numbers(layout, names):
            declared = layout.names.of(counter, f"{layout.var(counter)}_declared")
            empty.append(f"record.{layout.var(counter)} == {declared}.first(record.key)")
        with text.block(f"if {' and '.join(empty)}:"):
            text.add(f"del {records}[record.key]")


def find_record(
    text: Text, layout: Layout, names: tuple[str, ...], key: str, *, given: bool = False
) -> None:
    """Write the lookup of a key's record, which creates it if needed; *given*: unless `record` is set already."""
    records = layout.kept.records[names]
    with text.block("if record is None:") if given else nullcontext():
        text.add(f"record = {records}.get({key}) or record_{records}({key})")


# Tokens and numbers come and go.


def come(text: Text, layout: Layout, found: Index, held: str) -> None:
    """Examine the joins that a new token may complete; *held* are the tokens before it."""
    leads = any(meeting.lead is found for meeting in layout.kept.meetings_of(found))
    if waits(found) or (found.place.order and leads):
        look(text, layout, found)
        return
    older = (
        " or token.serial < serial - 1" if leads else ""
    )  # a token of a revoked firing may come first
    with text.block(f"if {held} is None{older}:"):
        look(text, layout, found)


def look(text: Text, layout: Layout, found: Index | Counter) -> None:
    """Examine the joins on a record that has gained something."""
    for meeting in layout.kept.meetings_of(found):
        with text.block(f"if {_whole(layout, meeting, 'record', found)}:"):
            text.add(f"look_{meeting.name}(record, clock)")


def _whole(layout: Layout, meeting: Meeting, record: str, *known: Index | Counter) -> str:
    """The condition that a record has all inputs of a meeting, ignoring time and what is already known."""
    whole = [f"{record}.{e.name} is not None" for e in meeting.indexes if e not in known]
    numbers = [f"{record}.{layout.var(e)}" for e in meeting.numbers if e not in known]
    return " and ".join(numbers + whole) or "True"


def stand(text: Text, layout: Layout, found: Index, held: str) -> None:
    """Add a token to its record: alone, or to the tokens *held* there."""
    twin = layout.kept.is_twin(found)
    kind = "Twin" if twin else "Line"
    when = "clock" if waits(found) or twin else "NEVER"
    several = f"with_token({held}, token, {when}, {kind})"
    text.add(f"record.{found.name} = token if {held} is None else {several}")


def leave(text: Text, found: Index, token: str, record: str) -> None:
    """Remove a token from its record; if it was not alone, heaps contain entries of it."""
    with text.block(f"if {record}.{found.name} is {token}:"):
        text.add(f"{record}.{found.name} = None")
    with text.block("else:"):
        text.add(f"{token}.state = GONE")
        text.add(f"{record}.{found.name} = without({record}.{found.name})")


def line(layout: Layout, found: Index, held: str) -> str:
    """The expression for the line of a record's tokens in which an index looks."""
    if not layout.kept.is_twin(found):
        return held
    return f"{held}.ignores_ready" if found.ignores_ready else f"{held}.line"


def lost(
    text: Text, layout: Layout, changed: Sequence[Index | Counter], record: str = "record"
) -> None:
    """Invalidate a record that has lost something, and examine it again: it may still be complete."""
    for meeting in layout.kept.meetings:
        if not set(changed).intersection((*meeting.indexes, *meeting.numbers)):
            continue
        name = meeting.name
        known = meeting.lead not in changed
        with (
            text.block(f"if {record}.{meeting.lead.name} is not None:") if known else nullcontext()
        ):
            text.add(f"{record}.{name}_serial = -1")
            text.add(*([f"{record}.{name}_alarm = NEVER"] if _timed(meeting) else []))
            whole = _whole(layout, meeting, record, *([meeting.lead] if known else []))
            with text.block(f"if {whole}:"):
                text.add(f"look_{name}({record}, clock)")


def drop_record(
    text: Text, layout: Layout, names: tuple[str, ...], record: str, first: str = ""
) -> None:
    """Delete a record that is empty; *first* is the field to test first."""
    held = sorted(fields(layout, names), key=lambda found: _sparse(layout, found, first))
    with text.block(f"if {' and '.join(f'{record}.{found.name} is None' for found in held)}:"):
        text.add(f"forget_{layout.kept.records[names]}({record})")


def _sparse(layout: Layout, found: Index, first: str) -> int:
    """A rank for the order of tests: fields that are probably empty come first."""
    return 0 if found.name == first else 1 if layout.how(found.place).comes_back else 2


def give_number(text: Text, layout: Layout, counter: Counter, record: str) -> None:
    """Increase a number by one; joins can only have waited for it if it was 0."""
    name = layout.var(counter)
    text.add(f"record = {record}")
    text.add(f"record.{name} += 1")
    with text.block(f"if record.{name} == 1:"):
        look(text, layout, counter)
    drop_record(text, layout, counter.keys, "record")


# Meetings.


def _write_look(text: Text, layout: Layout, meeting: Meeting) -> None:
    """Write the placement of a record with all inputs: into `ready`, or among the alarms if it must wait."""
    with text.function(f"look_{meeting.name}(record, now)"):
        _place(text, layout, meeting, "return")


def _place(text: Text, layout: Layout, meeting: Meeting, done: str) -> None:
    """Place a record; *done* is the code to run if it goes among the alarms."""
    name, timed = meeting.name, _timed(meeting)
    for number, found in enumerate(
        reversed(timed)
    ):  # the lead comes last because it is needed again
        variable = "when" if number else "at"
        text.add(f"held = record.{found.name}")
        if found is meeting.lead:
            _look_ahead(text, line(layout, found, "held"), variable)
        else:
            several = f"{line(layout, found, 'held')}.earliest(now)"
            text.add(f"{variable} = held.ready if type(held) is Token else {several}")
        if number:
            with text.block("if when > at:"):
                text.add("at = when")
    if timed:
        with text.block("if at > now:"):
            with text.block(f"if record.{name}_alarm is not at:"):
                _await(text, layout, meeting, "at")
            text.add(done)
    _enter(text, layout, meeting)


def _look_ahead(text: Text, several: str, variable: str) -> None:
    """Write the variables for the lead's first ready token, the time of the next one, and the earlier of both."""
    with text.block("if type(held) is Token:"):
        text.add(f"head, soon, {variable} = held, NEVER, held.ready")
    with text.block("else:"):
        text.add(f"head, soon = {several}.head(now), {several}.next_ready()")
        text.add(f"{variable} = soon if head is None else 0")


def _await(text: Text, layout: Layout, meeting: Meeting, at: str) -> None:
    name = meeting.name
    text.add(f"record.{name}_alarm = {at}")
    text.add(assign(f"{name}_alarms", "+= 1"))
    text.add(f"due = {name}_due.get({at})")
    with text.block("if due is None:"):
        text.add(f"{name}_due[{at}] = [record]", f"heappush({name}_future, {at})")
    with text.block("else:"):
        text.add("due.append(record)")
    hasten(text, layout, meeting.mask, at)
    with text.block(f"if {name}_alarms > {name}_alarms_most:"):
        thinned = f"thin_due({name}_future, {name}_due, '{name}_alarm')"
        most = f"2 * len({layout.kept.records[meeting.keys]}) + SLACK"
        text.add(
            assign(f"{name}_alarms", f"= {thinned}"), assign(f"{name}_alarms_most", f"= {most}")
        )


def _enter(text: Text, layout: Layout, meeting: Meeting) -> None:
    name, lead = meeting.name, meeting.lead
    if waits(lead):
        with text.block(f"if soon < record.{name}_alarm:"):
            _await(text, layout, meeting, "soon")
    else:
        lone = "type(held) is Token" + (" or not held.ready" if lead.place.paged else "")
        ready = f"{line(layout, lead, 'held')}.ready"
        text.add(f"held = record.{lead.name}", f"head = held if {lone} else {ready}[0][2]")
    with text.block(f"if record.{name}_serial != head.serial:"):
        text.add(f"record.{name}_serial = head.serial")
        order = "head.order, " if lead.place.order else ""
        text.add(f"heappush({name}_ready, ({order}head.serial, record))")
        text.add(*noted(layout, Influence(meeting.mask)))
        with text.block(f"if len({name}_ready) > {name}_most:"):
            text.add(f"thin({name}_ready, '{name}_serial', -2)")
            most = f"2 * len({layout.kept.records[meeting.keys]}) + SLACK"
            text.add(assign(f"{name}_most", f"= {most}"))


def place_of_record(meeting: Meeting) -> int:
    """The position of the record in an entry of `ready`; the token's serial is just before it."""
    return 2 if meeting.lead.place.order else 1


def _ripen(text: Text, layout: Layout, meeting: Meeting) -> None:
    """Examine the records whose time has come, inline: this happens after each pause."""
    name = meeting.name
    passed = f"while {name}_future and {name}_future[0] <= now:"
    with text.function(f"ripen_{name}(now)"), text.block(passed):
        text.add(f"passed = heappop({name}_future)", f"ripe = {name}_due.pop(passed)")
        text.add(assign(f"{name}_alarms", "-= len(ripe)"))
        with text.block("for record in ripe:"):
            with text.block(f"if record.{name}_alarm != passed:"):
                text.add("continue")
            text.add(f"record.{name}_alarm = NEVER")
            _place(text, layout, meeting, "continue")


def write_first(text: Text, meeting: Meeting, record: str, fail: list[str]) -> None:
    """Write the code that brings the record with the first lead token to the top; *fail* if there is none."""
    name, at = meeting.name, place_of_record(meeting)
    if _timed(meeting):
        with text.block(f"if {name}_future and {name}_future[0] <= now:"):
            text.add(f"ripen_{name}(now)")
    with text.block(f"while {name}_ready:"):
        text.add(f"entry = {name}_ready[0]", f"{record} = entry[{at}]")
        with text.block(f"if {record}.{name}_serial == entry[{at - 1}]:"):
            text.add("break")
        text.add(f"heappop({name}_ready)")
    with text.block("else:"):
        text.add(*fail)


def _clear(text: Text, meeting: Meeting) -> None:
    """Drop dead entries from the top."""
    name, at = meeting.name, place_of_record(meeting)
    with text.block(
        f"while {name}_ready and {name}_ready[0][{at}].{name}_serial != {name}_ready[0][{at - 1}]:"
    ):
        text.add(f"heappop({name}_ready)")


def _next(text: Text, meeting: Meeting) -> None:
    """The time at which a record is complete: 0 for now. Exact if no token expires before."""
    name = meeting.name
    with text.function(f"next_{name}()"):
        _clear(text, meeting)
        with text.block(f"if {name}_ready:"):
            text.add("return 0")
        if _timed(meeting):
            _next_alarm(text, name)
        text.add("return NEVER")


def _next_alarm(text: Text, name: str) -> None:
    """The first time with a valid alarm; invalid ones are dropped."""
    with text.block(f"while {name}_future:"):
        text.add(f"at = {name}_future[0]", f"due = {name}_due[at]")
        with text.block(f"while due and due[-1].{name}_alarm != at:"):
            text.add("due.pop()", assign(f"{name}_alarms", "-= 1"))
        with text.block("if due:"):
            text.add("return at")
        text.add(f"del {name}_due[heappop({name}_future)]")


# Access by name, for saving.


def changed_numbers(layout: Layout, counter: Counter) -> str:
    """The expression for the numbers of a counter that differ from their start, by key."""
    declared = layout.names.of(counter, f"{layout.var(counter)}_declared")
    name = layout.var(counter)
    return (
        f"{{r.key: r.{name} for r in {layout.kept.records[counter.keys]}.values()"
        f" if r.{name} != {declared}.first(r.key)}}"
    )
