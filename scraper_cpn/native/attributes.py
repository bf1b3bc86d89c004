"""Attributes of objects in machine code: each place of a source that reads one remembers where it was.

Owns: the pass over a source that makes these places, and what they are in C.
Must not know: what the source says, who compiles it.

Python remembers that since 3.11 (PEP 659), and Cython does not: it asks the type each time, which took a fifth of
the time of a net's kernel. Remembered is the offset of a slot (`__slots__`, or a field of a msgspec Struct) in
objects of a type, under the version that Python gives a type and never gives twice, so that a type that is changed
is asked again. All other attributes are asked for as before.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

_GET, _SET = "_attribute_of_", "_attribute_set_"
_NOTES = ("annotation", "returns")
"""Where nodes of the tree have annotations."""
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
"""A place that meets another type asks where to look, at first each time and then now and then: with several types
in turn it would only ask, but the types of a next kernel are to be remembered, too."""


class Remembering(NamedTuple):
    """A source whose places remember.

    Attributes:
        text: Python for Cython, which does not run without it.
        declarations: what the text uses, for a `.pxd` file of the same name.
    """

    text: str
    declarations: str


def remembering(text: str) -> Remembering:
    """Give each place of a Python source that reads or sets an attribute a memory.

    Left to Cython are methods that are called, with which it is quick, private names (`__x`), and what is deleted,
    changed (`x.a += 1`) or one target of several.

    Raises:
        SyntaxError: it is no Python.
    """
    places = _Places()
    tree = places.visit(ast.parse(text))
    made = ast.unparse(ast.fix_missing_locations(tree))
    return Remembering(made, _declarations(places.count + 1))


def _declarations(places: int) -> str:
    """The functions for so many places. A value is given before its owner: so does Python evaluate them."""
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
    """Makes calls of reads and writes, each with a number of its own."""

    def __init__(self) -> None:
        self.count = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A call of a method keeps its form."""
        if not isinstance(node.func, ast.Attribute):
            return self.generic_visit(node)
        node.func.value = self.visit(node.func.value)
        node.args = [self.visit(each) for each in node.args]
        node.keywords = [self.visit(each) for each in node.keywords]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """A read, unless it is a target."""
        self.generic_visit(node)
        read = isinstance(node.ctx, ast.Load) and not node.attr.startswith("__")
        return self._place(_GET, node.value, node.attr) if read else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """A write, where it is the only one."""
        self.generic_visit(node)
        match node.targets:
            case [ast.Attribute(owner, name)] if not name.startswith("__"):
                return ast.Expr(self._place(_SET, node.value, owner, name))
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """What is below, but for annotations, which are not for running."""
        notes = {name: note for name in _NOTES if (note := getattr(node, name, None)) is not None}
        for name in notes:
            setattr(node, name, None)
        super().generic_visit(node)
        for name, note in notes.items():
            setattr(node, name, note)
        return node

    def visit_MatchValue(self, node: ast.MatchValue) -> ast.AST:
        """A pattern has a form of its own."""
        return node

    def visit_MatchClass(self, node: ast.MatchClass) -> ast.AST:
        """As above."""
        return node

    def _place(self, function: str, *given: ast.expr | str) -> ast.Call:
        self.count += 1
        args = [ast.Constant(each) if isinstance(each, str) else each for each in given]
        return ast.Call(ast.Name(function, ast.Load()), [*args, ast.Constant(self.count)], [])
