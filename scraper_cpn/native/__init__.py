"""Kernels of machine code: what `net.compile` generates, compiled once more by Cython and C.

Owns: when a kernel is built, where it is kept, how it is loaded.
Must not know: nets, what their source says, who runs a kernel.

    >>> from scraper_cpn.native import native
    >>> from scraper_cpn.net import compile_net
    >>> kernel = compile_net(net, builder=native)  # doctest: +SKIP

The meaning is that of the source. Building a kernel takes seconds, and is done once for each source and
each Python: it needs Cython, setuptools and a C compiler; what was built needs none of them.
"""

from scraper_cpn.native.building import NativeError
from scraper_cpn.native.kernels import folder, native

__all__ = ["NativeError", "folder", "native"]
