"""What counts as which change, and the words for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headwater.plan import Difference, Plan
from headwater.types import RelationName

Edit = Callable[[dict[str, str]], None]


def replace(path: str, old: str, new: str) -> Edit:
    def edit(files: dict[str, str]) -> None:
        assert old in files[path]
        files[path] = files[path].replace(old, new)

    return edit


def differences(plan: Plan) -> dict[str, Difference]:
    return {str(difference.relation): difference for difference in plan.differences}


def told(plan: Plan) -> dict[str, tuple[str, str, bool]]:
    return {
        name: (found.change, found.reason, found.rebuild)
        for name, found in differences(plan).items()
        if found.change != "unchanged"
    }


def test_a_first_plan_adds_everything_and_rebuilds_nothing(plan_files: Any, shop: dict[str, str]) -> None:
    assert told(plan_files(shop)) == {
        "sales.orders_raw": ("added", "a new source", False),
        "sales.orders": ("added", "a new model", False),
        "sales.open_orders": ("added", "a new model", False),
        "report.by_day": ("added", "a new model", False),
    }


@pytest.mark.parametrize(
    "edit",
    [
        replace("sales/orders.sql", "SELECT id", "select\n   id -- the key\n"),
        replace("sales/orders.sql", "WHERE id IS NOT NULL", "/* sound */ where ID is not null"),
        replace("sales/orders.sql", "orders_raw", "sales.orders_raw"),
        replace("report/by_day.sql", "sales.orders", "SALES.Orders"),
    ],
)
def test_formatting_comments_and_spelling_change_nothing(
    plan_files: Any, recording: Any, shop: dict[str, str], edit: Edit
) -> None:
    recorded = recording(plan_files(shop))
    edit(shop)
    assert told(plan_files(shop, recorded)) == {}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            replace("sales/orders.sql", "id IS NOT NULL", "id > 0"),
            {
                "sales.orders": ("non-breaking", "filter changed", True),
                "sales.open_orders": ("non-breaking", "upstream sales.orders changed", True),
                "report.by_day": ("non-breaking", "upstream sales.orders changed", True),
            },
        ),
        (
            replace("sales/open_orders.sql", "amount", "amount, status"),
            {"sales.open_orders": ("non-breaking", "column status added", True)},
        ),
        (
            replace("sales/open_orders.sql", ", amount", ""),
            {"sales.open_orders": ("breaking", "column amount removed", True)},
        ),
        (
            replace("sales/open_orders.sql", "amount", "amount::integer AS amount"),
            {
                "sales.open_orders": (
                    "breaking",
                    "column amount: DECIMAL(9,2) -> INTEGER; column amount computed otherwise",
                    True,
                )
            },
        ),
        (
            replace("sales/open_orders.sql", "SELECT", "MODEL (name open_orders, output delta);\nSELECT"),
            {"sales.open_orders": ("non-breaking", "output: parquet -> delta", True)},
        ),
        (
            replace("sales/open_orders.sql", "SELECT", "MODEL (name open_orders, grain (id));\nSELECT"),
            {"sales.open_orders": ("non-breaking", "key: none -> id", True)},
        ),
        (
            replace("sales/open_orders.sql", "SELECT", "MODEL (name open_orders, partition_by (id));\nSELECT"),
            {"sales.open_orders": ("non-breaking", "partitioning: none -> id", True)},
        ),
        (
            replace(
                "sales/open_orders.sql", "SELECT", "MODEL (name open_orders, description 'Open', tags (a));\nSELECT"
            ),
            {"sales.open_orders": ("metadata", "description changed, tags changed", False)},
        ),
        (
            replace("sales/sources.yaml", "data/orders.csv", "data/*.csv"),
            {
                "sales.orders_raw": ("non-breaking", "option path changed", True),
                "sales.orders": ("non-breaking", "upstream sales.orders_raw changed", True),
                "sales.open_orders": ("non-breaking", "upstream sales.orders changed", True),
                "report.by_day": ("non-breaking", "upstream sales.orders changed", True),
            },
        ),
    ],
)
def test_changes_and_their_reasons(
    plan_files: Any, recording: Any, shop: dict[str, str], edit: Edit, expected: dict[str, tuple[str, str, bool]]
) -> None:
    recorded = recording(plan_files(shop))
    edit(shop)
    assert told(plan_files(shop, recorded)) == expected


def test_a_narrowed_column_names_the_columns_it_reaches(plan_files: Any, recording: Any, shop: dict[str, str]) -> None:
    recorded = recording(plan_files(shop))
    replace("sales/orders.sql", "amount", "amount::integer AS amount")(shop)
    found = differences(plan_files(shop, recorded))
    assert found["sales.orders"].change == "breaking"
    assert [f"{column.relation}.{column.column}" for column in found["sales.orders"].breaks] == [
        "sales.open_orders.amount",
        "report.by_day.total",
    ]
    assert found["report.by_day"].reason == "column total: DECIMAL(38,2) -> HUGEINT; upstream sales.orders changed"


def test_a_removed_model_and_a_new_one_over_recorded_inputs(
    plan_files: Any, recording: Any, shop: dict[str, str]
) -> None:
    recorded = recording(plan_files(shop))
    del shop["sales/open_orders.sql"]
    shop["sales/closed_orders.sql"] = "SELECT id FROM orders WHERE status = 'closed'\n"
    shop["sales/closed_ids.sql"] = "SELECT id FROM closed_orders\n"
    assert told(plan_files(shop, recorded)) == {
        "sales.closed_orders": ("added", "a new model over sales.orders", True),
        "sales.closed_ids": ("added", "a new model", True),
        "sales.open_orders": ("removed", "it is declared no longer; what it published stays", False),
    }


def test_a_widened_column_breaks_nobody(plan_files: Any, recording: Any, shop: dict[str, str]) -> None:
    recorded = recording(plan_files(shop))
    replace("sales/sources.yaml", "decimal(9,2)", "decimal(12,2)")(shop)
    found = told(plan_files(shop, recorded))
    assert found["sales.orders_raw"] == ("non-breaking", "column amount: DECIMAL(9,2) -> DECIMAL(12,2)", True)


def test_steps_say_what_is_rebuilt(plan_files: Any, recording: Any, shop: dict[str, str]) -> None:
    recorded = recording(plan_files(shop))
    replace("sales/open_orders.sql", "open", "new")(shop)
    plan = plan_files(shop, recorded)
    rebuilt = {model.relation for product in plan.products for model in product.models if model.rebuild}
    assert rebuilt == {RelationName("sales", "open_orders")}
