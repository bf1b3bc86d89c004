"""Recording what changes in a compiled kernel, for a store: a part of the generated source.

Owns: the text of `lose`, `forget`, `changes` and their variables. A token that came and went between two
calls of `changes` leaves no trace. Must not know: nets, stores.
"""

STATE = """
born = {}          # place and token by serial: deposited since the last report
gone = {}          # place and token by serial: reported before, removed since
changed = {}       # counters and keys whose number may have changed for good
met = {}           # sets and their new keys, in order
unmet = {}         # sets and keys: reported before, removed since
begun = {}         # firings in flight by id: not reported yet, or started since
ended = []         # ids of firings: reported before, ended since
aside = []         # tokens that were set aside
reported = {}      # ids of the firings in flight that were reported
""".strip()

FUNCTIONS = '''
# Recording.

def lose(place, token):
    if born.pop(token.serial, None) is None:
        gone[token.serial] = (place, token)

def unmeet(name, key):
    if met.pop((name, key), True) is True:
        unmet[name, key] = None

def forget(firing_id):
    begun.pop(firing_id, None)
    if reported.pop(firing_id, True) is None:
        ended.append(firing_id)

def as_if_landed(name, key):
    """A number with all that firings in flight have taken of it."""
    known = numbers()[name]
    number = known[key] if key in known else NET.places[name].first(key)
    for flight in flights.values():
        for arc, counter in COUNTED[flight.number]:
            if counter == name and bound_at(flight, arc) == key:
                number += amount(TRANSITIONS[flight.number].arcs[arc], key)
    return number

def changes():
    """Report all changes since the last report."""
    reported.update(dict.fromkeys(begun))
    landed = [(name, key, as_if_landed(name, key)) for name, key in changed]
    made = list(born.values()), list(gone.values()), landed, list(met), list(unmet), list(begun.values()), list(ended), list(aside)
    for record in (born, gone, changed, met, unmet, begun, ended, aside):
        record.clear()
    return made
'''
