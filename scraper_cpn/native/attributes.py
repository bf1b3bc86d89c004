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
from typing import NamedTuple, TypeGuard

_GET, _SET, _VALUE = "_attribute_of_", "_attribute_set_", "_value_"
_C = """
#include <structmember.h>
typedef struct { unsigned int version; int writable; int asked; Py_ssize_t offset; } Remembered;
static Remembered remembered[PLACES];

static void remember(PyObject *owner, PyObject *name, Remembered *place) {
    PyTypeObject *type = Py_TYPE(owner);
    PyObject *found;
    if (place->asked == ASKED_MOST || type->tp_getattro != PyObject_GenericGetAttr) return;
    place->asked++;
    found = PyObject_GetAttr((PyObject *)type, name);
    if (found == NULL) { PyErr_Clear(); return; }
    if (Py_TYPE(found) == &PyMemberDescr_Type && PyType_IsSubtype(type, PyDescr_TYPE(found))) {
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        if (member->type == T_OBJECT_EX) {
            place->version = type->tp_version_tag;
            place->offset = member->offset;
            place->writable = type->tp_setattro == PyObject_GenericSetAttr && !member->flags;
        }
    }
    Py_DECREF(found);
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

static int attribute_set(PyObject *owner, PyObject *name, PyObject *value, int number) {
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
_ASKED_MOST = 8
"""So often a place asks where to look: with several types in turn it would only ask."""


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

    Left to Cython are methods that are called, with which it is quick, private names (`__x`), and what is deleted or
    is one target of several.

    Raises:
        SyntaxError: it is no Python.
    """
    places = _Places()
    tree = places.visit(ast.parse(text))
    made = ast.unparse(ast.fix_missing_locations(tree))
    return Remembering(made, _declarations(places.count + 1))


def _declarations(places: int) -> str:
    """The functions for so many places."""
    return f'''
cdef extern from *:
    """
    #define PLACES {places}
    #define ASKED_MOST {_ASKED_MOST}
    {_C}"""
    object {_GET} "attribute_of" (object owner, object name, int number)
    int {_SET} "attribute_set" (object owner, object name, object value, int number) except -1
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
        return self._place(_GET, node) if read else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """A write, where it is the only one."""
        self.generic_visit(node)
        match node.targets:
            case [target] if _plain(target):
                return ast.Expr(self._place(_SET, target, node.value))
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        """A read and a write; in between, what is there may change itself."""
        self.generic_visit(node)
        if not _plain(node.target):
            return node
        found = ast.Assign([ast.Name(_VALUE, ast.Store())], self._place(_GET, node.target))
        changed = ast.AugAssign(ast.Name(_VALUE, ast.Store()), node.op, node.value)
        value = ast.Name(_VALUE, ast.Load())
        return [found, changed, ast.Expr(self._place(_SET, node.target, value))]

    def _place(self, function: str, node: ast.Attribute, *value: ast.expr) -> ast.Call:
        self.count += 1
        args = [node.value, ast.Constant(node.attr), *value, ast.Constant(self.count)]
        return ast.Call(ast.Name(function, ast.Load()), args, [])


def _plain(target: ast.expr) -> TypeGuard[ast.Attribute]:
    """Whether a target is an attribute of a variable, so that it doesn't matter when its owner is found."""
    return (
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and not target.attr.startswith("__")
    )
