"""Native kernels: the Python source from `net.compile`, compiled to machine code by Cython and a C compiler.

Owns: when a kernel is built, where it is stored, how it is loaded.
Must not know: nets, the meaning of their source, who runs a kernel.

    >>> from scraper_cpn.native import native
    >>> from scraper_cpn.net import compile_net
    >>> kernel = compile_net(net, builder=native)  # doctest: +SKIP

A native kernel behaves exactly like its source. Building takes up to a minute, and is done once for each source
and each Python. It needs Cython, setuptools and a C compiler; a built kernel needs none of them.
"""

from scraper_cpn.native.building import NativeError
from scraper_cpn.native.kernels import extension, folder, native

__all__ = ["NativeError", "extension", "folder", "native"]
