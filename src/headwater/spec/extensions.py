"""What headwater adds to a contract: ``customProperties`` with ``vendor: headwater``.

Apart from the standard because other tools carry these entries without knowing
them; the JSON Schema of each value is published under ``schemas/``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from headwater.spec.closed import CAMEL_CASE
from headwater.spec.durations import DURATION_PATTERN, parse_duration

__all__ = ["BudgetExtension", "EventTimeExtension", "ReferenceExtension"]


def _check_duration(text: str) -> str:
    parse_duration(text)
    return text


Duration = Annotated[
    str,
    AfterValidator(_check_duration),
    Field(json_schema_extra={"pattern": DURATION_PATTERN, "examples": ["PT10M", "P1DT12H"]}),
]
"""An ISO 8601 duration of weeks, days, hours, minutes and seconds."""


class _Closed(BaseModel):
    model_config = CAMEL_CASE


class EventTimeExtension(_Closed):
    """When a row happened, and how long to wait for late ones.

    A row without it is refused, and so is one outside the years 1 to 9999. The watermark is the greatest event time
    accepted so far, less the delay; a row that lies before the watermark of earlier epochs is late.
    """

    column: str = Field(description="The column that says when a row happened.")
    watermark: Duration = Field(
        description="How far rows of later epochs may lie behind the newest one, as an ISO 8601 duration such as PT10M."
    )
    late: Literal["quarantine", "drop"] = Field(
        default="quarantine",
        description="What becomes of late rows: kept in quarantine, or dropped, with only their place noted there.",
    )
    idle: Duration | None = Field(
        default=None,
        description="Silent for this long, the relation holds others back no longer: it follows the slowest of them.",
    )
    future: Duration | None = Field(
        default=None, description="Rows further ahead of the run's clock than this are refused."
    )


class BudgetExtension(_Closed):
    """How many rows of one epoch may be refused before publication is blocked."""

    rows: int | None = Field(default=None, ge=0, description="At most so many rows.")
    percent: float | None = Field(default=None, ge=0, le=100, description="At most so many of a hundred rows read.")


class ReferenceExtension(_Closed):
    """Every value of some columns must stand in another relation."""

    columns: list[str] = Field(min_length=1, description="Columns of this relation.")
    to: str = Field(description="The relation referred to: product.relation, or a relation of the same product.")
    to_columns: list[str] = Field(min_length=1, description="Columns there, in the same order.")
