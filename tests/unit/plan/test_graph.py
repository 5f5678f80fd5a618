"""Orders meet all needs, and every circle is found and shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headwater.plan.graph import Edge, Graph, find_circles, order_products, order_relations
from headwater.types import RelationName

relations = st.builds(RelationName, st.sampled_from(["p", "q", "r"]), st.sampled_from(["a", "b", "c", "d"]))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    nodes = draw(st.lists(relations, min_size=1, max_size=8, unique=True))
    pairs = draw(st.lists(st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)), max_size=12))
    return Graph(tuple(nodes), tuple(Edge(reader, read) for reader, read in pairs))


@given(graphs())
def test_an_order_puts_readers_behind_what_they_read(graph: Graph) -> None:
    order = order_relations(graph)
    place = {relation: number for number, relation in enumerate(order)}
    for edge in graph.edges:
        if edge.reader in place:
            assert place[edge.read] < place[edge.reader]


@given(graphs())
def test_relations_are_left_out_only_for_circles_and_circles_are_reported(graph: Graph) -> None:
    circles = [str(error) for error in find_circles(graph)]
    everything_ordered = len(order_relations(graph)) == len(graph.relations)
    products = {relation.product for relation in graph.relations}
    assert (not circles) == (everything_ordered and len(order_products(graph)) == len(products))


@given(graphs())
def test_the_order_does_not_depend_on_the_order_of_declarations(graph: Graph) -> None:
    turned = Graph(tuple(reversed(graph.relations)), tuple(reversed(graph.edges)))
    assert order_relations(turned) == order_relations(graph)
    assert order_products(turned) == order_products(graph)


def test_each_separate_circle_is_one_error() -> None:
    a, b, c, d, e = (RelationName("p", name) for name in "abcde")
    graph = Graph((a, b, c, d, e), (Edge(a, b), Edge(b, a), Edge(c, d), Edge(d, c), Edge(e, a)))
    assert [error.message for error in find_circles(graph)] == [
        "models need each other in a circle: p.a -> p.b -> p.a",
        "models need each other in a circle: p.c -> p.d -> p.c",
    ]
