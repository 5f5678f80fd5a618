"""What a run did, as frozen values: the answer of :func:`headwater.runtime.execution.run`.

Apart from the execution so that surfaces and the metadata store read one shape.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from headwater.errors import HeadwaterError
from headwater.runtime.state.values import CheckResult
from headwater.types import Counts, RelationName
from headwater.values import frozen

__all__ = ["ProductReport", "ProductStatus", "RelationReport", "RunReport"]

ProductStatus: TypeAlias = Literal["done", "unchanged", "failed", "skipped"]
"""``skipped``: a product it reads from failed, so it was not run."""


@frozen
class RelationReport:
    """One relation in one run: rows by fate over all epochs; ``rebuilt`` when its content was computed anew."""

    relation: RelationName
    counts: Counts
    rebuilt: bool


@frozen
class ProductReport:
    product: str
    status: ProductStatus
    epochs: int = 0
    relations: tuple[RelationReport, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    duration: timedelta = timedelta(0)
    error: HeadwaterError | None = None
    recovered: int | None = None
    """The epoch that an earlier run left unpublished and this one published first."""


@frozen
class RunReport:
    run: str
    environment: str
    started_at: datetime
    finished_at: datetime
    products: tuple[ProductReport, ...]

    @property
    def counts(self) -> Counts:
        """All rows by fate, over every port that reported."""
        return sum((port.counts for product in self.products for port in product.relations), Counts())

    @property
    def balanced(self) -> bool:
        """Whether ``read = accepted + late + quarantined`` holds for every port."""
        return all(port.counts.balanced for product in self.products for port in product.relations)

    @property
    def failures(self) -> tuple[HeadwaterError, ...]:
        return tuple(product.error for product in self.products if product.error is not None)

    @property
    def exit_code(self) -> int:
        """0, or the highest exit code among the failures."""
        return max((error.exit_code for error in self.failures), default=0)
