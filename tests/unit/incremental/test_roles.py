"""Relations get their roles, and nothing else in a query that looks like one."""

from __future__ import annotations

from headwater.incremental.blocks import read_query
from headwater.incremental.roles import texts_in_roles
from headwater.types import RelationName

orders = RelationName("shop", "orders")


def test_a_query_is_written_for_each_role() -> None:
    parts = read_query('SELECT o."id" FROM "shop.orders" AS o', (orders,))
    assert texts_in_roles(parts.text, parts.tree, parts.tables, ("change", "traced")) == (
        'SELECT "o"."id" FROM "change.shop.orders" AS "o"',
        'SELECT "o"."id" FROM "traced.shop.orders" AS "o"',
    )


def test_text_and_columns_that_look_like_relations_in_a_role_stay() -> None:
    query = """SELECT '"change.shop.orders" "_hw_role.shop.orders"' AS "change.shop.orders" FROM "shop.orders" AS o"""
    parts = read_query(query, (orders,))
    (text,) = texts_in_roles(parts.text, parts.tree, parts.tables, ("traced",))
    assert text == (
        """SELECT '"change.shop.orders" "_hw_role.shop.orders"' AS "change.shop.orders" """
        'FROM "traced.shop.orders" AS "o"'
    )
