"""What a compiled kernel keeps for a store: the part of its source that records what changes.

Owns: the text of `lose`, `forget`, `changes` and their variables. What came and went between two
tellings leaves no trace in them. Must not know: nets, stores.
"""

STATE = """
born = {}          # place and token by serial, of those that came since the last telling
gone = {}          # the same of those that are no more, and were told
moved = {}         # counters and keys whose number may have moved for good
met = {}           # sets and their new keys, in order
unmet = {}         # sets and keys that were told, and are not there any more
begun = {}         # firings in flight, by id, that were not told, or have started since
ended = []         # ids of firings that were told, and are in flight no more
aside = []         # tokens that were set aside
told = {}          # ids of the firings in flight that were told
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
    if told.pop(firing_id, True) is None:
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
    """What was recorded, which is forgotten."""
    told.update(dict.fromkeys(begun))
    landed = [(name, key, as_if_landed(name, key)) for name, key in moved]
    made = list(born.values()), list(gone.values()), landed, list(met), list(unmet), list(begun.values()), list(ended), list(aside)
    for record in (born, gone, moved, met, unmet, begun, ended, aside):
        record.clear()
    return made
'''
