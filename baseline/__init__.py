"""The same scraper, scheduled by hand: what the net is measured against.

Owns: a scheduler without a net (`scheduler.py` and its parts, sans-IO), its asyncio shell and its
crawls. It makes the same decisions in the same order, with the same policy, colours and effects, and
keeps no state on disk.
Must not know: nets, kernels, what runs them.
"""
