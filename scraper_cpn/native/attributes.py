"""Inline caches for attribute access in machine code.

Owns: the pass over a source that gives each attribute access a cache, and the caches' C code.
Must not know: the meaning of the source, who compiles it.

Python has such caches since 3.11 (PEP 659); Cython does not, and looks up the type each time, which took a fifth
of the time of a net's kernel. A cache holds the offset of a slot (`__slots__`, or a field of a msgspec Struct) in
objects of a type, and the type's version tag. Python never uses a tag twice, so a changed type is looked up again.
All other attributes are looked up as before.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

_GET, _SET = "_attribute_of_", "_attribute_set_"
_NOTES = ("annotation", "returns")
"""The fields of syntax nodes that hold annotations."""
_C = """
#include <structmember.h>
typedef struct { unsigned int version; unsigned int missed; int writable; Py_ssize_t offset; } Remembered;
static Remembered remembered[PLACES];

static void remember(PyObject *owner, PyObject *name, Remembered *place) {
    PyTypeObject *type = Py_TYPE(owner);
    PyObject *found;
    PyMemberDef *member;
    if (place->missed++ >= ASKED_FIRST && place->missed % ASKED_THEN) return;
    if (type->tp_getattro != PyObject_GenericGetAttr) return;
    found = _PyType_Lookup(type, name);  /* borrowed, as is its member */
    if (found == NULL || Py_TYPE(found) != &PyMemberDescr_Type) return;
    member = ((PyMemberDescrObject *)found)->d_member;
    if (member->type != T_OBJECT_EX || !PyType_IsSubtype(type, PyDescr_TYPE(found))) return;
    place->version = type->tp_version_tag;
    place->offset = member->offset;
    place->writable = type->tp_setattro == PyObject_GenericSetAttr && !member->flags;
}

static CYTHON_INLINE PyObject **slot_of(PyObject *owner, Remembered *place) {
    if (place->version == 0 || Py_TYPE(owner)->tp_version_tag != place->version) return NULL;
    return (PyObject **)((char *)owner + place->offset);
}

static PyObject *attribute_of(PyObject *owner, PyObject *name, int number) {
    Remembered *place = &remembered[number];
    PyObject **slot = slot_of(owner, place);
    if (slot != NULL && *slot != NULL) { Py_INCREF(*slot); return *slot; }
    if (slot == NULL) remember(owner, name, place);
    return PyObject_GetAttr(owner, name);
}

static int attribute_set(PyObject *value, PyObject *owner, PyObject *name, int number) {
    Remembered *place = &remembered[number];
    PyObject **slot = slot_of(owner, place);
    if (slot != NULL && place->writable) {
        PyObject *old = *slot;
        Py_INCREF(value);
        *slot = value;
        Py_XDECREF(old);
        return 0;
    }
    if (slot == NULL) remember(owner, name, place);
    return PyObject_SetAttr(owner, name, value);
}
"""
_ASKED_FIRST, _ASKED_THEN = 8, 256
"""How often a cache that misses looks up the new type: each time at first, then only now and then. With several
alternating types it would otherwise always look up, but the types of a later kernel must be cached, too."""


class Remembering(NamedTuple):
    """A source with inline caches.

    Attributes:
        text: Python for Cython; plain Python can't run it.
        declarations: the C declarations that the text uses, for a `.pxd` file of the same name.
    """

    text: str
    declarations: str


def remembering(text: str) -> Remembering:
    """Give each read and write of an attribute in a Python source a cache.

    Not changed are method calls, which Cython does fast, private names (`__x`), and attributes that are deleted,
    changed in place (`x.a += 1`), or one of several targets.

    Raises:
        SyntaxError: the source is not Python.
    """
    places = _Places()
    tree = places.visit(ast.parse(text))
    made = ast.unparse(ast.fix_missing_locations(tree))
    return Remembering(made, _declarations(places.count + 1))


def _declarations(places: int) -> str:
    """The C functions for *places* caches. A value comes before its owner, in Python's order of evaluation."""
    return f'''
cdef extern from *:
    """
    #define PLACES {places}
    #define ASKED_FIRST {_ASKED_FIRST}
    #define ASKED_THEN {_ASKED_THEN}
    {_C}"""
    object {_GET} "attribute_of" (object owner, object name, int number)
    int {_SET} "attribute_set" (object value, object owner, object name, int number) except -1
'''


class _Places(ast.NodeTransformer):
    """Replaces reads and writes by calls, each with a number of its own."""

    def __init__(self) -> None:
        self.count = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave the method of a call unchanged."""
        if not isinstance(node.func, ast.Attribute):
            return self.generic_visit(node)
        node.func.value = self.visit(node.func.value)
        node.args = [self.visit(each) for each in node.args]
        node.keywords = [self.visit(each) for each in node.keywords]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replace a read; leave a target unchanged."""
        self.generic_visit(node)
        read = isinstance(node.ctx, ast.Load) and not node.attr.startswith("__")
        return self._place(_GET, node.value, node.attr) if read else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Replace a write if it is the only target."""
        self.generic_visit(node)
        match node.targets:
            case [ast.Attribute(owner, name)] if not name.startswith("__"):
                return ast.Expr(self._place(_SET, node.value, owner, name))
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit the child nodes except annotations, which are not executed."""
        notes = {name: note for name in _NOTES if (note := getattr(node, name, None)) is not None}
        for name in notes:
            setattr(node, name, None)
        super().generic_visit(node)
        for name, note in notes.items():
            setattr(node, name, note)
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        """Leave patterns unchanged: they can't contain calls."""
        return node

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        """Leave class patterns unchanged, for the same reason."""
        return node

    def _place(self, function: str, *given: ast.expr | str) -> ast.Call:
        self.count += 1
        args = [ast.Constant(each) if isinstance(each, str) else each for each in given]
        return ast.Call(ast.Name(function, ast.Load()), [*args, ast.Constant(self.count)], [])
