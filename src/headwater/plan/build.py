"""The plan of a workspace: everything declared becomes steps, or all errors at once.

The order of things: names, needs, circles; then each relation, behind those it
reads, is analysed, compiled and judged; at last all are compared with what was
recorded. Nothing is read but the arguments and nothing is changed but the cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headwater.errors import DeclarationError, DeclarationErrors
from headwater.plan.cache import AnalysisCache, ForgetfulCache
from headwater.plan.codec import Understood
from headwater.plan.comparing import compare
from headwater.plan.fields import with_demands
from headwater.plan.graph import find_circles, order_products, order_relations
from headwater.plan.names import Names
from headwater.plan.needs import Needs, read_needs
from headwater.plan.planning import Context, RelationPlanner
from headwater.plan.promises import Capabilities, Storage
from headwater.plan.queries import Queries
from headwater.plan.steps import ForeignPort, Plan, ProductPlan, Recorded
from headwater.spec.declarations import Environment, Workspace
from headwater.sql.analysis import Binder
from headwater.types import RelationName, Schema

__all__ = ["build_plan"]


def build_plan(
    workspace: Workspace,
    environment: Environment,
    *,
    recorded: Mapping[RelationName, Recorded],
    discovered: Mapping[RelationName, Schema],
    binder: Binder,
    cache: AnalysisCache | None = None,
    engine: str = "",
    capabilities: Capabilities | None = None,
    storage: Storage | None = None,
    understood: dict[str, Understood] | None = None,
) -> Plan:
    """Plan a workspace in one environment.

    Args:
        workspace: what is declared.
        environment: one of the workspace's.
        recorded: what the last run in this environment recorded, by relation.
        discovered: the columns of sources that declare none.
        binder: types queries; asked only for those that the cache does not know.
        cache: analyses of earlier plans.
        engine: name and version of the engine behind ``binder``; part of every cache key.
        capabilities: what a table format can do; None leaves that to the run.
        storage: refuses tables that a table format cannot store; None leaves that to the run.
        understood: what this process has worked out by the keys of the cache, and receives what is added to it.

    Raises:
        DeclarationErrors: all that is wrong, in the order of files and lines.
    """
    names = Names(workspace)
    keeps = ForgetfulCache() if cache is None else cache
    queries = Queries(binder)
    known = {} if understood is None else understood
    context = Context(
        workspace, environment, recorded, discovered, queries, keeps, engine, capabilities, storage, known
    )
    needs = read_needs(workspace, names, keeps, queries)
    errors = [*names.clashes(), *needs.errors, *find_circles(needs.graph)]
    planner = RelationPlanner(context, needs)
    errors.extend(_plan_all(planner, needs, workspace))
    if errors:
        raise DeclarationErrors(sorted(dict.fromkeys(errors), key=_place))
    products = tuple(_product_plan(product, planner, needs) for product in order_products(needs.graph))
    return Plan(environment, products, compare(products, recorded, needs.graph.relations))


def _plan_all(planner: RelationPlanner, needs: Needs, workspace: Workspace) -> Iterator[DeclarationError]:
    """Plan every relation whose needs were met; what follows from another's error is not reported again."""
    below: dict[RelationName, list[RelationName]] = {}
    for edge in needs.graph.edges:
        below.setdefault(edge.reader, []).append(edge.read)
    failed = set(needs.failed)
    for relation in order_relations(needs.graph):
        if relation in failed or not failed.isdisjoint(below.get(relation, ())):
            failed.add(relation)
            continue
        try:
            if relation in workspace.models:
                planner.plan_model(workspace.models[relation])
            else:
                planner.plan_source(workspace.sources[relation])
        except DeclarationErrors as found:
            failed.add(relation)
            yield from found.errors
        except DeclarationError as error:
            failed.add(relation)
            yield error


def _product_plan(product: str, planner: RelationPlanner, needs: Needs) -> ProductPlan:
    foreign = dict.fromkeys(
        edge.read for edge in needs.graph.edges if edge.reader.product == product and edge.read.product != product
    )
    models = tuple(step for relation, step in planner.models.items() if relation.product == product)
    sources = [step for relation, step in planner.sources.items() if relation.product == product]
    elsewhere = {edge.read for edge in needs.graph.edges if edge.reader.product != product}
    return ProductPlan(
        product=product,
        sources=with_demands(sources, models, elsewhere),
        foreign=tuple(
            ForeignPort(relation, model.analysis.schema, model.output, model.event_time)
            for relation in sorted(foreign)
            for model in (planner.models[relation],)
        ),
        models=models,
    )


def _place(error: DeclarationError) -> tuple[str, int, int]:
    where = error.where
    return (where.path, where.line or 0, where.column or 0) if where else ("", 0, 0)
