"""Work that turns out to be long goes on in a fork, and ends as if it had been done here.

Each case runs in a process of its own, because only one without other threads forks.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from headwater.api.forking import in_fork

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")


def answer(program: str) -> list[str]:
    text = "import os, sys\nfrom headwater.api.forking import in_fork, in_forks\n" + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.split()


def test_what_the_fork_found_is_the_result() -> None:
    program = """
        def work(long):
            long()
            long()
            import fractions
            return os.getpid(), fractions.Fraction(1, 3)
        process, found = in_fork(work, lambda: print("meanwhile"))
        print(process == os.getpid(), found)
    """
    assert answer(program) == ["meanwhile", "False", "1/3"]


def test_short_work_forks_nothing() -> None:
    assert answer("print(in_fork(lambda long: os.getpid(), lambda: print('meanwhile')) == os.getpid())") == ["True"]


def test_wrong_declarations_are_told_where_they_are_asked_for() -> None:
    program = """
        from headwater.errors import DeclarationError, DeclarationErrors, Location
        def work(long):
            long()
            raise DeclarationErrors([DeclarationError("wrong", hint="mend", where=Location("a.sql", 3, 1))])
        try:
            in_fork(work, lambda: None)
        except DeclarationErrors as found:
            (error,) = found.errors
            print(error.message, error.hint, error.where.path, error.where.line, len(str(found)) > 0)
    """
    assert answer(program) == ["wrong", "mend", "a.sql", "3", "True"]


def test_values_are_told_as_they_are() -> None:
    program = """
        from dataclasses import KW_ONLY, InitVar, dataclass, field
        from headwater.api.forking import _arguments
        from headwater.values import frozen
        @frozen
        class Plain:
            name: str
            inner: object = None
        @dataclass(frozen=True, slots=True, order=True)
        class Ordered:
            name: str
        @frozen
        class Named:
            _: KW_ONLY
            name: str
        @frozen
        class Derived:
            name: str
            length: int = field(init=False)
            def __post_init__(self):
                object.__setattr__(self, "length", 7)
        @dataclass(frozen=True)
        class Given:
            name: InitVar[str]
            found: str = "none"
        @dataclass
        class Mutable:
            name: str
        class Below(Plain):
            pass
        inner = Plain("inner")
        values = [Plain("a", inner), inner, Named(name="b"), Derived("c"), Given("d"), Mutable("e"), Below("f"), Plain]
        values.append(Ordered("g"))
        def work(long):
            long()
            return values
        found = in_fork(work, lambda: None)
        print(found == values, found[0].inner is found[1], [type(each).__name__ for each in found[5:7]])
        told = [type(each).__name__ for each in values if _arguments(type(each))]
        print(*told)
    """
    assert answer(program) == ["True", "True", "['Mutable',", "'Below']", "Plain", "Plain", "Ordered"]


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), 9)",
        "raise ValueError",
        "return lambda: None",
        "sys.exit(3)",
        "return [bytes(3_000_000), Killed()]",
    ],
)
def test_work_whose_fork_ends_without_its_whole_word_is_done_here(end: str) -> None:
    program = f"""
        here = os.getpid()
        class Killed:
            def __reduce__(self):
                os.kill(os.getpid(), 9)
        def work(long):
            long()
            if os.getpid() != here:
                {end}
            return "here"
        print(in_fork(work, lambda: None))
    """
    assert answer(program) == ["here"]


def test_a_large_result_does_not_wait_for_whoever_is_busy() -> None:
    program = """
        def work(long):
            long()
            return bytes(10_000_000)
        print(len(in_fork(work, lambda: sum(range(1_000_000)))))
    """
    assert answer(program) == ["10000000"]


def test_with_other_threads_nothing_is_forked() -> None:
    program = """
        import threading
        blocked = threading.Event()
        threading.Thread(target=blocked.wait, daemon=True).start()
        def work(long):
            long()
            return os.getpid() == here
        here = os.getpid()
        print(in_fork(work, lambda: print("meanwhile")))
    """
    assert answer(program) == ["True"]


def test_an_error_here_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        in_fork(lambda _: 1 // 0, lambda: None)


HEAVY = {"alembic", "deltalake", "jsonschema", "pyarrow", "pyarrow.compute", "pyarrow.dataset", "pydantic"}
HEAVY |= {"pyiceberg", "rich", "sqlalchemy", "sqlglot"}


@pytest.mark.parametrize(
    ("source", "output", "allowed"),
    [("parquet", "parquet", set()), ("parquet", "delta", {"pyarrow"}), ("arrow", "parquet", {"pyarrow"})],
    ids=["parquet", "delta", "arrow"],
)
def test_a_run_never_loads_what_it_does_not_need(tmp_path: Path, source: str, output: str, allowed: set[str]) -> None:
    """The parser belongs to planning, pyarrow to rows that travel as Arrow and to the footers that Delta has read.

    A second run, which finds nothing new, needs none of them.
    """
    import pyarrow
    import pyarrow.parquet

    (tmp_path / "data").mkdir()
    orders = pyarrow.table({"id": [1, 2], "size": [{"width": 1, "height": 2}, None]})
    if source == "parquet":
        pyarrow.parquet.write_table(orders, tmp_path / "data" / "orders.parquet")
    else:
        with pyarrow.ipc.new_file(tmp_path / "data" / "orders.arrow", orders.schema) as writer:
            writer.write_table(orders)
    (tmp_path / "headwater.yaml").write_text(
        f"name: shop\nsources:\n  shop.orders:\n    kind: files\n    path: data/*.{source}\n"
    )
    query = "SELECT id, size.width AS width FROM orders"
    (tmp_path / "totals.sql").write_text(f"MODEL (name totals, output {output});\n{query}\n")
    program = f"""
        from headwater.cli.entry import main
        code = main(["-C", {str(tmp_path)!r}, "run", "--output", "json"])
        print("loaded:", code, *sorted({HEAVY!r} & sys.modules.keys()))
    """

    def loaded() -> list[str]:
        said = answer(program)
        return said[said.index("loaded:") + 1 :]

    assert loaded() == ["0", *sorted(allowed)]
    assert list(tmp_path.glob(".headwater/cache/plan.json"))
    assert loaded() == ["0"]


def test_works_are_done_at_the_same_time_each_in_a_fork_of_its_own() -> None:
    program = """
        first, second = os.pipe(), os.pipe()
        def tell(mine, other, text):
            os.write(other[1], text)
            return os.getpid(), os.read(mine[0], 1)
        works = [lambda: tell(first, second, b"a"), lambda: tell(second, first, b"b")]
        found = in_forks(works, lambda: print("meanwhile"))
        print(len({os.getpid(), *(process for process, _ in found)}), *(heard.decode() for _, heard in found))
    """
    assert answer(program) == ["meanwhile", "3", "b", "a"]


def test_a_fork_that_ends_without_a_word_leaves_the_others_their_results() -> None:
    program = """
        works = [lambda: bytes(1_000_000), lambda: 1 / 0, lambda: os.kill(os.getpid(), 9), lambda: None]
        print([found if found is None else len(found) for found in in_forks(works, lambda: None)])
    """
    assert "".join(answer(program)) == "[1000000,None,None,None]"
