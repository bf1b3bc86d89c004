"""The mocked HTTP layer: a synthetic web on loopback, forward proxies, a wire log and a referee."""
