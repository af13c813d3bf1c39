"""Expressions over the properties of one device, compiled to a small stack code.

Written as Python expressions, read by ``ast`` and let through by a whitelist: numbers, property
names (``value("pm2.5")`` where a name is no identifier), ``+ - * / %``, comparisons (chained
too), ``and or not``, ``abs min max``. Nothing is ever executed as Python; the kernel runs the
code on numbers. Logic is Kleene's: true 1, false 0, unknown NaN, so ``a or b`` is true when ``a``
is, whatever ``b``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import IntEnum

import msgspec

STACK = 16
"""Deepest stack the kernel keeps."""


class Op(IntEnum):
    """Stack code; ``CONST`` and ``LOAD`` take an argument."""

    CONST = 0
    LOAD = 1
    ADD = 2
    SUB = 3
    MUL = 4
    DIV = 5
    MOD = 6
    NEG = 7
    ABS = 8
    MIN = 9
    MAX = 10
    LT = 11
    LE = 12
    GT = 13
    GE = 14
    EQ = 15
    NE = 16
    AND = 17
    OR = 18
    NOT = 19


class Code(msgspec.Struct, frozen=True):
    """A compiled expression: ``ops[i]`` with ``args[i]`` (a constant, or for ``LOAD`` an index
    into ``properties``)."""

    ops: tuple[int, ...]
    args: tuple[float, ...]
    properties: tuple[str, ...]


class ExpressionError(ValueError):
    """An expression that is not allowed, with the column where."""


_BINARY: Mapping[type[ast.operator], Op] = {
    ast.Add: Op.ADD,
    ast.Sub: Op.SUB,
    ast.Mult: Op.MUL,
    ast.Div: Op.DIV,
    ast.Mod: Op.MOD,
}
_COMPARE: Mapping[type[ast.cmpop], Op] = {
    ast.Lt: Op.LT,
    ast.LtE: Op.LE,
    ast.Gt: Op.GT,
    ast.GtE: Op.GE,
    ast.Eq: Op.EQ,
    ast.NotEq: Op.NE,
}


def parse(text: str) -> Code:
    """Compile ``text``. Raises ``ExpressionError`` for anything that is not on the whitelist, for
    a result that is a number and not a truth, or for one that is too deep."""
    if len(text) > 2000:
        raise ExpressionError("longer than 2000 characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"not an expression: {error}") from None
    writer = _Writer()
    try:
        truth = writer.write(tree.body)
    except RecursionError:
        raise ExpressionError("nested too deeply") from None
    if not truth:
        raise ExpressionError("gives a number, not a truth: compare it with something")
    if not writer.properties:
        raise ExpressionError("names no property")
    if writer.deepest > STACK:
        raise ExpressionError(f"needs more than {STACK} values at once: make it shorter")
    return Code(tuple(writer.ops), tuple(writer.args), tuple(writer.properties))


class _Writer:
    def __init__(self) -> None:
        self.ops: list[int] = []
        self.args: list[float] = []
        self.properties: list[str] = []
        self.depth = 0
        self.deepest = 0

    def emit(self, op: Op, arg: float = 0.0) -> None:
        self.ops.append(int(op))
        self.args.append(arg)
        if op in (Op.CONST, Op.LOAD):
            self.depth += 1
        elif op not in (Op.NEG, Op.ABS, Op.NOT):
            self.depth -= 1
        self.deepest = max(self.deepest, self.depth)

    def load(self, name: str) -> None:
        if name not in self.properties:
            self.properties.append(name)
        self.emit(Op.LOAD, float(self.properties.index(name)))

    def write(self, node: ast.expr) -> bool:
        """Write ``node``; whether it gives a truth (True) or a number (False)."""
        match node:
            case ast.Constant(value=bool()):
                raise _fault(node, "a constant truth has no place here")
            case ast.Constant(value=int() | float() as value):
                self.emit(Op.CONST, float(value))
                return False
            case ast.Name(id=name):
                self.load(name)
                return False
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self.number(operand)
                self.emit(Op.NEG)
                return False
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.truth(operand)
                self.emit(Op.NOT)
                return True
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                self.number(left)
                self.number(right)
                self.emit(_BINARY[type(op)])
                return False
            case ast.BoolOp(op=junction, values=operands):
                for i, part in enumerate(operands):
                    self.truth(part)
                    if i:
                        self.emit(Op.AND if isinstance(junction, ast.And) else Op.OR)
                return True
            case ast.Compare(left=left, ops=relations, comparators=comparators):
                # a < b < c is (a < b) and (b < c): the middle is simply written twice
                for i, (relation, right) in enumerate(zip(relations, comparators, strict=True)):
                    if type(relation) not in _COMPARE:
                        raise _fault(node, f"{type(relation).__name__} is no comparison of numbers")
                    self.number(left)
                    self.number(right)
                    self.emit(_COMPARE[type(relation)])
                    if i:
                        self.emit(Op.AND)
                    left = right
                return True
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self.call(node, name, args)
        raise _fault(node, f"{type(node).__name__} is not allowed")

    def call(self, node: ast.Call, name: str, args: list[ast.expr]) -> bool:
        match name, args:
            case "value", [ast.Constant(value=str() as key)] if key:
                self.load(key)
            case "abs", [one]:
                self.number(one)
                self.emit(Op.ABS)
            case "min" | "max", [first, *more] if more:
                self.number(first)
                for other in more:
                    self.number(other)
                    self.emit(Op.MIN if name == "min" else Op.MAX)
            case _:
                raise _fault(node, f"{name}(…) with {len(args)} arguments is not known")
        return False

    def number(self, node: ast.expr) -> None:
        if self.write(node):
            raise _fault(node, "a truth stands where a number belongs")

    def truth(self, node: ast.expr) -> None:
        if not self.write(node):
            raise _fault(node, "a number stands where a truth belongs: compare it with something")


def _fault(node: ast.expr, what: str) -> ExpressionError:
    return ExpressionError(f"column {node.col_offset + 1}: {what}")
