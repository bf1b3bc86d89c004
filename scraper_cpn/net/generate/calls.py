"""The calls of a compiled kernel: the part of its source that is the same for every net.

Owns: the text of `inject`, `step`, `started`, `complete`, `revoke`, `soonest`, `load`.
Must not know: nets.

Lines that trace are left out of a source that does not, and so are lines that record.
"""

CALLS = '''
# The calls.

def pass_to(now):
    nonlocal clock
    if type(now) is not int or now < clock:
        refuse_time(NET, now, clock)
    clock = now

def inject(place, colour, ready, ends, now):
    nonlocal dirty, late
    pass_to(now)
    enables, delays = GAINS[place]
    dirty |= enables
    late |= delays
    put = PUTS[place](colour, ready, ends)
    trace(("inject", now, put))

def step(now, limit):
    nonlocal dirty, late
    if limit < 1:
        refuse_limit(NET, limit)
    pass_to(now)
    for endings, expire in EXPIRES:
        if endings.next() <= now:
            expire(now)
    if next_wake <= now:
        for number, at in enumerate(wakes):
            if at <= now:
                dirty |= 1 << number
    firings = []
    for _ in range(limit):
        while dirty:
            bit = dirty & -dirty
            number = bit.bit_length() - 1
            inputs = FINDS[number](now)
            if inputs is not None:
                break
            dirty ^= bit
            late |= bit
        else:
            at = soonest(now)
            return Step(tuple(firings), None if at == NEVER else at)
        if inputs is not FAULT:
            firing = ACTS[number](inputs, now)
            if firing is not None:
                firings.append(firing)
    dirty |= late  # those that failed have no time at which to be tried again
    return Step(tuple(firings), now)

def soonest(now):
    """The least time at which there is a binding: now or earlier if there is one."""
    nonlocal late, next_wake
    late |= dirty
    while late:
        bit = late & -late
        late ^= bit
        number = bit.bit_length() - 1
        wakes[number] = WAKES[number](now)
    next_wake = min(wakes, default=NEVER)
    return next_wake

def started(firing_id, now):
    flight = flights.get(firing_id)
    if flight is None:
        raise refuse_landed(NET, firing_id)
    refuse_started(NET, firing_id, started=flight.started)
    pass_to(now)
    flight.started = True
    begun[firing_id] = flight  # recorded
    puts = []
    if flight.number in SPENDS:
        SPENDS[flight.number](flight.inputs, now, puts)
    trace(("started", now, firing_id, tuple(puts)))

def complete(firing_id, outcome, now):
    flight = flights.get(firing_id)
    if flight is None:
        raise refuse_landed(NET, firing_id)
    number, inputs = flight.number, flight.inputs
    case = CASES[number].get(type(outcome))
    if case is None or not flight.started:
        case_for(NET, TRANSITIONS[number], firing_id, outcome, started=flight.started)
    pass_to(now)
    del flights[firing_id]
    forget(firing_id)  # recorded
    LANDS[number](flight)
    puts = []
    try:
        made_ = case[0](inputs, outcome, now)
    except Exception as error:
        lost = Lost(f"an output function raised: {blame(error)}")
        case = CASES[number][Lost]
        try:
            made_ = case[0](inputs, lost, now)
        except Exception as error:
            waste(number, inputs, f"the outputs of Lost raised: {blame(error)}")
            BACKS[number](inputs, puts)
        else:
            case[1](inputs, made_, puts)
    else:
        case[1](inputs, made_, puts)
    trace(("end", now, firing_id, case[2], tuple(puts)))

def waste(number, inputs, error):
    """Set aside all that a firing took; the transition itself if it took no token."""
    nonlocal dirty, late
    dirty = late = ALL
    for arc, place in TAKEN[number]:
        fault(place, inputs[arc].serial, inputs[arc].colour, error)
    if not TAKEN[number]:
        fault(TRANSITIONS[number].name, -1, None, error)

def revoke(firing_id):
    nonlocal dirty, late
    flight = flights.get(firing_id)
    if flight is None:
        raise refuse_landed(NET, firing_id)
    refuse_started(NET, firing_id, started=flight.started, revoking=True)
    del flights[firing_id]
    forget(firing_id)  # recorded
    UNDOS[flight.number](flight)
    dirty = late = ALL
    trace(("revoke", firing_id))

def restored(standing):
    return TOKENS[standing.place](
        standing.serial, standing.colour, standing.ready_at_ns, standing.expires_at_ns
    )

def load(marking):
    nonlocal clock, serial, next_id
    clock, serial, next_id = marking.now_ns, marking.next_serial, marking.next_id
    for standing in marking.tokens:
        STANDS[standing.place](restored(standing))
    for name, numbers in marking.counters.items():
        NUMBERS[name].update(numbers)
    for name, keys in marking.sets.items():
        SETS[name].extend(keys)
    for flying in marking.flights:
        inputs = tuple(
            restored(bound) if isinstance(bound, Standing) else bound for bound in flying.inputs
        )
        number = next(n for n, t in enumerate(TRANSITIONS) if t.name == flying.transition)
        flight = Flight(flying.id, number, inputs, flying.began_ns)
        flight.started, flight.shown = flying.started, flying.shown
        flights[flight.id] = flight
        for place, count in OCCUPIES[number][flight.started].items():
            occupied[place] += count
    faulted.extend(marking.faulted)
    sunk.update(marking.sunk)
    told.update(dict.fromkeys(flights))  # recorded

def scalars():
    return clock, serial, next_id

return {
    "inject": inject, "step": step, "started": started, "complete": complete, "revoke": revoke,
    "soonest": soonest, "load": load, "scalars": scalars, "PLACES": PLACES, "NUMBERS": NUMBERS,
    "SETS": SETS, "flights": flights, "faulted": faulted, "sunk": sunk, "rows": rows,
    "occupied": occupied,
    "changes": changes,  # recorded
}
'''


RECORDS = "  # recorded"


def calls(*, traced: bool, recorded: bool) -> list[str]:
    """The lines of the calls."""
    lines = CALLS.strip().split("\n")
    if not traced:
        lines = [line for line in lines if "trace((" not in line]
    if not recorded:
        return [line for line in lines if not line.endswith(RECORDS)]
    return [line.removesuffix(RECORDS) for line in lines]
