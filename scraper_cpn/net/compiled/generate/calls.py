"""The calls of a compiled kernel: the part of its source that is the same for every net.

Owns: the text of `inject`, `step`, `started`, `complete`, `revoke`, `drain`, `earliest`, `load`.
Must not know: nets.

Lines that trace are left out of a source that does not, and so are lines that record.
"""

CALLS = '''
# The calls.

def inject(place, colour, ready, ends, now):
    nonlocal clock
    if now is not clock:
        if type(now) is not int or now < clock:
            refuse_time(NET, now, clock)
        clock = now
    PUTS[place](colour, ready, ends)  # untraced
    trace(("inject", now, PUTS[place](colour, ready, ends)))

def step(now_ns, limit=100_000):
    nonlocal clock
    if limit < 1:
        refuse_limit(NET, limit)
    if now_ns is not clock:
        if type(now_ns) is not int or now_ns < clock:
            refuse_time(NET, now_ns, clock)
        clock = now_ns
    if next_end <= now_ns:
        expire(now_ns)
    if next_wake <= now_ns:
        wake(now_ns)
    firings = []
    if due_again and due_again[0][0] <= now_ns:  # retried
        limit = hand_out(now_ns, firings, limit)  # retried
        if not limit:  # retried
            return Step(tuple(firings), now_ns)  # retried
    while dirty:
        try:
            act = FIRST[dirty]
        except KeyError:
            act = first()
        limit = act(now_ns, firings, limit)
        if not limit:
            retry_late()  # those that failed have no time at which to be tried again
            return Step(tuple(firings), now_ns)
    at = soonest(now_ns) if late else next_wake if next_wake < next_end else next_end
    at = min(at, next_attempt())  # retried
    return Step(tuple(firings), None if at == NEVER else at)  # retried
    return Step(tuple(firings), None if at is NEVER else at)  # unretried

def hand_out(now, firings, limit):  # retried
    while limit and next_attempt() <= now:  # retried
        flight = flights[heappop(due_again)[1]]  # retried
        flight.handed = True  # retried
        begun[flight.id] = flight  # recorded retried
        trace(("attempt", now, flight.id, flight.attempt))  # retried traced
        firings.append(AGAIN[flight.number](flight))  # retried
        limit -= 1  # retried
    return limit  # retried

def next_attempt():  # retried
    while due_again:  # retried
        at, firing_id = due_again[0]  # retried
        flight = flights.get(firing_id)  # retried
        if flight is not None and flight.due == at and not flight.handed:  # retried
            return at  # retried
        heappop(due_again)  # retried
    return NEVER  # retried

def again(flight, outcome, now):  # retried
    pause = pause_before(TRANSITIONS[flight.number], flight.attempt, outcome)  # retried
    if pause is None:  # retried
        return False  # retried
    flight.attempt, flight.due, flight.ends = flight.attempt + 1, now + pause, None  # retried
    heappush(due_again, (flight.due, flight.id))  # retried
    begun[flight.id] = flight  # recorded retried
    trace(("again", now, flight.id, type(outcome).__name__, flight.due))  # retried traced
    return True  # retried

def pass_to(now_ns):  # manual
    nonlocal clock  # manual
    if now_ns is not clock:  # manual
        if type(now_ns) is not int or now_ns < clock:  # manual
            refuse_time(NET, now_ns, clock)  # manual
        clock = now_ns  # manual
    if next_end <= now_ns:  # manual
        expire(now_ns)  # manual

def first():
    """The transition that goes first of those in `dirty`; looked up from now on, within bounds."""
    if len(FIRST) > MASKS_MAX:
        FIRST.clear()
    act = FIRST[dirty] = ACTS[dirty & -dirty]
    return act

def earliest(now):
    """The least time at which there is a binding: now or earlier if there is one."""
    delay_dirty()
    at = soonest(now)
    for number, may_fire in enumerate(WAKES):
        if dirty >> number & 1:
            at = min(at, may_fire(now))
    return at

def holds(flight, now):
    """Whether what must hold when a firing starts does."""
    for absent, place, keys, whole in STILL.get(flight.number, NONE):
        tokens = PLACES[place]
        if whole and hasattr(tokens, "of"):
            tokens = tokens.of(getattr(flight.inputs[keys[0][1]].colour, keys[0][0]))
        found = False
        for token in tokens.values() if type(tokens) is dict else tokens:
            if absent or (token.ready <= now and (token.ends is None or token.ends > now)):
                found = True
                for name, arc in keys:
                    if getattr(token.colour, name) != getattr(flight.inputs[arc].colour, name):
                        found = False
                if found:
                    break
        if found == absent:
            return False
    return True

def may_start(firing_id, now_ns):
    if firing_id not in flights:
        raise refuse_landed(NET, firing_id)
    refuse_time(NET, now_ns, clock)
    return holds(flights[firing_id], now_ns)

def started(firing_id, now_ns, *, asked=False):
    nonlocal clock
    try:
        flight = flights[firing_id]
    except KeyError:
        raise refuse_landed(NET, firing_id) from None
    if flight.ends is not None:  # unretried
    if flight.ends is not None or (flight.attempt > 1 and not flight.handed):  # retried
        refuse_started(NET, firing_id, started=True)
    if now_ns is not clock:
        if type(now_ns) is not int or now_ns < clock:
            refuse_time(NET, now_ns, clock)
        clock = now_ns
    if flight.number in STILL and not asked and not holds(flight, now_ns):
        revoke(firing_id)
        return False
    flight.ends = ENDS[flight.number]
    begun[firing_id] = flight  # recorded
    puts = []  # traced
    spend = SPENDS[flight.number]  # unretried
    spend = SPENDS[flight.number] if flight.attempt == 1 else None  # retried
    flight.due, flight.handed = None, False  # retried
    if spend is not None:
        spend(flight.inputs, now_ns)  # untraced
        spend(flight.inputs, now_ns, puts)  # traced
    trace(("started", now_ns, firing_id, tuple(puts)))
    return True

def complete(firing_id, outcome, now_ns):
    nonlocal clock
    try:
        flight = flights[firing_id]
    except KeyError:
        raise refuse_landed(NET, firing_id) from None
    try:
        end = flight.ends[type(outcome)]
    except (KeyError, TypeError):  # TypeError: it has not started
        case_for(NET, TRANSITIONS[flight.number], firing_id, outcome, started=flight.ends is not None)
    if now_ns is not clock:
        if type(now_ns) is not int or now_ns < clock:
            refuse_time(NET, now_ns, clock)
        clock = now_ns
    if type(outcome) in RETRY[flight.number] and again(flight, outcome, now_ns):  # retried
        return  # retried
    del flights[firing_id]
    forget(firing_id)  # recorded
    puts = []  # traced
    end(flight, outcome, now_ns)  # untraced
    name = end(flight, outcome, now_ns, puts)  # traced
    trace(("end", now_ns, firing_id, name, tuple(puts)))

def waste(number, inputs, error):
    """Set aside all that a firing took; the transition itself if it took no token."""
    for arc, place in TAKEN[number]:
        for token in tokens_of(inputs[arc]):
            fault(place, token.serial, token.colour, error)
    if not TAKEN[number]:
        fault(TRANSITIONS[number].name, -1, None, error)

def revoke(firing_id):
    flight = flights.get(firing_id)
    if flight is None:
        raise refuse_landed(NET, firing_id)
    if flight.handed:  # retried
        flight.handed = False  # retried
        heappush(due_again, (flight.due, firing_id))  # retried
        begun[firing_id] = flight  # recorded retried
        trace(("revoke", firing_id))  # retried traced
        return  # retried
    refuse_started(NET, firing_id, started=flight.started, revoking=True)
    del flights[firing_id]
    forget(firing_id)  # recorded
    UNDOS[flight.number](flight)
    trace(("revoke", firing_id))

def restored(standing):
    if isinstance(standing, tuple):
        return tuple([restored(each) for each in standing])
    return TOKENS.get(standing.place, Token)(
        standing.serial, standing.colour, standing.ready_at_ns, standing.expires_at_ns
    )

def load(marking, cold):
    nonlocal clock, serial, next_id
    clock, serial, next_id = marking.now_ns, marking.next_serial, marking.next_id
    for flying in marking.flights:
        number = next(n for n, t in enumerate(TRANSITIONS) if t.name == flying.transition)
        inputs = [
            restored(bound) if arc.binds else bound
            for arc, bound in zip(TRANSITIONS[number].arcs, flying.inputs)
        ]
        for arc, find in KEPT[number].items():
            inputs[arc] = find(inputs[arc])
        ends = ENDS[number] if flying.started and flying.due_ns is None else None
        flight = Flight(
            flying.id, number, tuple(inputs), flying.began_ns, ends, flying.shown,
            0, flying.attempt, flying.due_ns, flying.handed,
        )
        if flight.due is not None and not flight.handed:  # retried
            heappush(due_again, (flight.due, flight.id))  # retried
        flights[flight.id] = flight
        fill_slots(OCCUPIES[number](flight.inputs, flight.started))
        if number in RESERVES:
            RESERVES[number](flight.inputs, flight.started)
    for name, known in marking.counters.items():
        fill_number(name, dict(known))
    for shelved in cold:  # first, since what stands in the same place may come before or behind
        shelve(*shelved)
    for standing in marking.tokens:
        if standing.place in STANDS:
            STANDS[standing.place](restored(standing))
    for place in SHOWN:
        PLACES[place].darken({each.serial for each in marking.tokens if each.place == place})
    for name, keys in marking.sets.items():
        SETS[name].extend(keys)
    faulted.extend(marking.faulted)
    fill_sinks(marking.sunk)
    reported.update(dict.fromkeys(flights))  # recorded

def drain():
    if not rows:
        return []
    drained = rows[:]
    rows.clear()
    return drained

def scalars():
    return clock, serial, next_id
'''

RESULT = """
return {
    "inject": inject, "step": step, "started": started, "may_start": may_start, "complete": complete, "revoke": revoke,
    "earliest": earliest, "load": load, "scalars": scalars, "PLACES": PLACES, "numbers": numbers,
    "SETS": SETS, "flights": flights, "faulted": faulted, "sunk": sunk, "drain": drain,
    "occupied": occupied, "KEPT": KEPT,
    "recording": recording,  # recorded
    "BY_HAND": BY_HAND, "pass_to": pass_to,  # manual
}
"""


EVERYTHING = {"traced": True, "recorded": True, "retried": True, "manual": True}
"""All optional features of a generated source."""


def calls(**wanted: bool) -> list[str]:
    """The lines of the calls.

    *wanted*: whether the source is `traced` and `recorded`, whether a transition has more than one attempt
    (`retried`), and whether one is `manual`.
    """
    return _kept(CALLS, **wanted)


def result(**wanted: bool) -> list[str]:
    """The lines that return the functions that a kernel needs."""
    return _kept(RESULT, **wanted)


def _kept(text: str, **wanted: bool) -> list[str]:
    """The lines of a text whose features are wanted, without their markers."""
    marks = {
        name: yes
        for word, yes in wanted.items()
        for name, yes in ((word, yes), (f"un{word}", not yes))
    }
    kept = []
    for line in text.strip().split("\n"):
        code, _, comment = line.rpartition("  # ")
        words = comment.split()
        if code and words and all(word in marks for word in words):
            kept += [code] if all(marks[word] for word in words) else []
        elif (line or kept[-1]) and (wanted["traced"] or "trace((" not in line):
            kept.append(line)
    return kept
