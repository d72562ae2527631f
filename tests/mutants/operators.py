"""In which ways is a module broken? One small change of its syntax tree at a time."""

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
# A line is told by its beginning.
LONG = 80
# An effect that no test of the room can see: how a thing looks, or how fast it is.
QUIET = {"add_argument", "log", "info", "debug", "gc", "analyze", "setswitchinterval", "forget"}


class Place(NamedTuple):
    """A change (in words, the node's fields as they become) of a node of a function."""

    function: str
    line: str
    node: ast.expr | ast.stmt
    what: str
    change: dict[str, object]


@dataclass(frozen=True)
class Mutant:
    """`module` with one change, in words and by line."""

    module: str
    line: int
    what: str
    # Function, line of code, and what of it is changed: the same wherever the line moves.
    where: str
    text: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.module}:{self.line} {self.what}"

    @property
    def key(self) -> tuple[str, str, str]:
        """It stays the same when lines move."""
        return self.module, self.where, self.what

    @property
    def tree(self) -> ast.Module:
        """The module, broken."""
        tree = ast.parse(self.text)
        place = next(itertools.islice(_places(tree), self.number, None))
        for name, value in place.change.items():
            setattr(place.node, name, value)
        return ast.fix_missing_locations(tree)


def mutants(module: str, text: str) -> Iterator[Mutant]:
    """All of them. Annotations, decorators, messages and constants of a module stay as they are."""
    for number, place in enumerate(_places(ast.parse(text))):
        part = "" if (changed := _head(place.node)) == place.line else f": {changed}"
        where = f"{place.function}: {place.line[:LONG]}{part[:LONG]}"
        yield Mutant(module, place.node.lineno, place.what, where, text, number)


def _places(tree: ast.Module) -> Iterator[Place]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or function.name.startswith("__"):
            continue
        for line, node in _inside(function):
            for what, change in _changes(node):
                yield Place(function.name, line, node, what, change)


def _inside(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr | ast.stmt]]:
    """(the line of code, a part of it)."""
    waiting: list[tuple[str, ast.AST]] = [("", node) for node in function.body]
    while waiting:
        line, node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.Raise | ast.JoinedStr):
            continue
        if isinstance(node, ast.AnnAssign):
            waiting += [(_head(node), node.value)] if node.value else []
            continue
        if isinstance(node, ast.stmt):
            line = _head(node)
        if isinstance(node, ast.expr | ast.stmt):
            yield line, node
        waiting += [(line, child) for child in ast.iter_child_nodes(node)]


def _head(node: ast.AST) -> str:
    return ast.unparse(node).partition("\n")[0]


def _changes(node: ast.expr | ast.stmt) -> Iterator[tuple[str, dict[str, object]]]:
    """(in words, the node's fields as they become)."""
    match node:
        case ast.Compare(ops=[op]) if other := COMPARED.get(type(op)):
            yield f"{_name(op)} → {other.__name__}", {"ops": [other()]}
        case ast.BoolOp(op=ast.And()):
            yield "and → or", {"op": ast.Or()}
        case ast.BoolOp(op=ast.Or()):
            yield "or → and", {"op": ast.And()}
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if other_op := COMPUTED.get(type(op)):
            yield f"{_name(op)} → {other_op.__name__}", {"op": other_op()}
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield "condition negated", {"test": ast.UnaryOp(ast.Not(), test)}
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "not … → bool(…)", {"op": ast.Not(), "operand": ast.UnaryOp(ast.Not(), operand)}
        case ast.Constant(value=bool() as value):
            yield f"{value} → {not value}", {"value": not value}
        case ast.Constant(value=int() as value):
            yield f"{value} → {value + 1}", {"value": value + 1}
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield "returns None", {"value": ast.Constant(None)}
        case ast.Expr(value=ast.Call(func=func)) if _last(func) not in QUIET:
            yield f"{_last(func)}(…) left out", {"value": ast.Constant(None)}


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _last(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def _name(op: ast.AST) -> str:
    return type(op).__name__
