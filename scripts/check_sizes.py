"""Hold every room to its size: files, classes, functions, public methods, ``__init__``.

Apart from the linter because no lint rule counts these; there is no allow-list.
Exit code 1 and one line a finding when something outgrew its room.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 800
CLASS_LINES = 400
FUNCTION_LINES = 60
PUBLIC_METHODS = 25
DATA = Path("benchmarks/data")


def findings(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > FILE_LINES:
        yield f"{path}: {lines} lines, at most {FILE_LINES}"
    tree = ast.parse(text)
    if path.name == "__init__.py":
        yield from _init_findings(path, tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from _class_findings(path, node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _length(node) > FUNCTION_LINES:
            yield f"{path}:{node.lineno}: function {node.name} has {_length(node)} lines, at most {FUNCTION_LINES}"


def _class_findings(path: Path, node: ast.ClassDef) -> Iterator[str]:
    if _length(node) > CLASS_LINES:
        yield f"{path}:{node.lineno}: class {node.name} has {_length(node)} lines, at most {CLASS_LINES}"
    methods = [member for member in node.body if isinstance(member, ast.FunctionDef) and member.name[0] != "_"]
    if len(methods) > PUBLIC_METHODS:
        yield f"{path}:{node.lineno}: class {node.name} has {len(methods)} public methods, at most {PUBLIC_METHODS}"


def _init_findings(path: Path, tree: ast.Module) -> Iterator[str]:
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)
    for node in tree.body:
        if not isinstance(node, allowed) and not _is_lazy_import(node):
            yield f"{path}:{node.lineno}: an __init__ holds a docstring, imports and __all__ only"


def _is_lazy_import(node: ast.stmt) -> bool:
    """Whether a statement is one of the two that imports on demand take: for the type checker, and PEP 562."""
    match node:
        case ast.If(test=ast.Name("TYPE_CHECKING")) | ast.FunctionDef(name="__getattr__"):
            return True
        case _:
            return False


def _length(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def main() -> int:
    roots = [Path(name) for name in ("src", "scripts", "benchmarks", "tests")]
    paths = [path for root in roots for path in sorted(root.rglob("*.py")) if DATA not in path.parents]
    found = [line for path in paths for line in findings(path)]
    print("\n".join(found) if found else "sizes: every room is within its bounds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
