"""Every sentence that the rooms below the pages refuse with, as a template read from their code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import tianmu

ROOT = Path(tianmu.__file__).parent
ROOMS = ("web", "access", "manage", "prevent", "enrol", "command")
ASIDE = {
    # spoken at a terminal, in a log or to programs, never on a page
    "access/tls.py",
    "access/verify_trail.py",
    "access/keys.py",
    "command/provider.py",
    "enrol/send.py",
    "prevent/alarm/load.py",
    "prevent/kernel/evaluate.py",
    "prevent/kernel/fleet.py",
    "prevent/kernel/trial.py",
    "web/api/live/metrics.py",
    "web/present/tending.py",
}
NOT_SAID = {"Query", "Response", "Table", "Column", "DDL", "Index", "Path", "Duty"}
NOT_SAID |= {"GaugeMetricFamily", "CounterMetricFamily", "ArgumentParser", "ClickException"}
NOT_SAID |= {"Untrue", "BadSettings", "PasswordFile", "CheckConstraint", "Asked", "Outcome"}


def template(node: ast.expr) -> str:
    """The sentence with ``{}`` for each blank, or empty where it is made elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = template(node.left), template(node.right)
        return (left or "{}") + (right or "{}") if left or right else ""
    return ""


def sentences(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from sentences(node.body)
        yield from sentences(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for one in node.values:
            yield from sentences(one)
    elif " " in (found := template(node)) and any(c.isalpha() for c in found.replace("{}", "")):
        yield found


def said() -> Iterator[tuple[str, str]]:
    """(file, sentence) of every error that a person may meet on a page."""
    trees = {}
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in ASIDE and not name.startswith("prevent/anomaly/"):
            trees[name] = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    makers = {
        node.name
        for nodes in trees.values()
        for node in nodes
        if isinstance(node, ast.FunctionDef) and getattr(node.returns, "id", "") == "Problem"
    }
    for name, nodes in trees.items():
        for node in nodes:
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            sort = getattr(called, "id", getattr(called, "attr", ""))
            told = sort[:1].isupper() or sort == "answer" or sort in makers
            if told and sort not in NOT_SAID:
                for value in (*node.args, *(word.value for word in node.keywords)):
                    yield from ((name, one) for one in sentences(value))
