"""What every part of the table suite stands on: a bench, and the marks of a format's gaps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from headwater.spi.table import TableFormat
from headwater.testing.table_bench import TableBench
from headwater.values import frozen

__all__ = ["Gap", "TableBasis"]


@frozen
class Gap:
    """Why a format does not pass a case, and what it raises instead."""

    reason: str
    error: type[BaseException]


class TableBasis:
    """What every part of the suite needs: a bench, and the marks of a format's gaps."""

    gaps: ClassVar[Mapping[str, Gap]] = {}

    @abstractmethod
    def table_format(self) -> TableFormat:
        """The format under test; must be picklable, for another process commits with it."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> TableBench:
        return TableBench.in_folder(self.table_format(), tmp_path)

    @pytest.fixture(autouse=True)
    def _mark_gap(self, request: pytest.FixtureRequest) -> None:
        gap = self.gaps.get(request.node.originalname)
        if gap is not None:
            request.applymarker(pytest.mark.xfail(reason=gap.reason, raises=gap.error, strict=True))
