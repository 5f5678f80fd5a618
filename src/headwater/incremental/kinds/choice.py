"""Which kind maintains an operator: the cheapest one that can, given how its inputs change.

Apart from the kinds, which do not know each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from headwater.incremental.algebra.nodes import (
    Aggregate,
    AsOf,
    Assign,
    Distinct,
    Join,
    JoinKind,
    Limit,
    Node,
    Relation,
    Rowwise,
    Session,
    Union,
    inputs_of,
)
from headwater.incremental.flows import Build, Cost, Flow
from headwater.incremental.kinds import linear
from headwater.incremental.kinds.affected import affected
from headwater.incremental.kinds.as_of import as_of, waits_for_versions
from headwater.incremental.kinds.claims import Changes
from headwater.incremental.kinds.closing import closing, closing_key
from headwater.incremental.kinds.distinct import distinct
from headwater.incremental.kinds.grouping import grouping
from headwater.incremental.kinds.interval import bound_of, interval_join
from headwater.incremental.kinds.leader import leader, leading_term
from headwater.incremental.kinds.matching import matching
from headwater.incremental.kinds.once import coming_once
from headwater.incremental.kinds.panes import panes, panes_of
from headwater.incremental.kinds.partials import partials_of
from headwater.incremental.kinds.product import product
from headwater.incremental.kinds.ranking import leaders_of, ranking
from headwater.incremental.kinds.session import (
    closes_sessions,
    session_aggregates,
    session_groups,
    session_rows,
    sessions_of,
)
from headwater.incremental.kinds.surpassed import unsurpassed
from headwater.incremental.program import Given
from headwater.types import RelationName

__all__ = ["Maintenance"]


@dataclass(slots=True)
class Maintenance:
    """Maintains an operator after those it reads, each once, however many read it."""

    build: Build
    given: Mapping[RelationName, Given]
    _done: dict[Node, Flow] = field(default_factory=dict)
    _read: Counter[Node] = field(default_factory=Counter)

    def flow(self, node: Node) -> Flow:
        """The rows of an operator; ask for the outermost one first."""
        if not self._done and not self._read:
            self._read = _readers(node)
        if node not in self._done:
            self._done[node] = self._once(node, self._through(node) or self._alone(node))
        return self._done[node]

    def _once(self, node: Node, flow: Flow) -> Flow:
        """What several operators read is computed once."""
        if self._read[node] < 2 or flow.changes is Changes.CONSTANT or flow.is_at_hand or flow.cost is Cost.INPUT:
            return flow
        return replace(flow, rows=self.build.shared(node.name, flow.rows), cost=Cost.WORK)

    def _alone(self, node: Node) -> Flow:
        """An operator after those it reads."""
        return self._maintain(node, [self.flow(below) for below in inputs_of(node)])

    def _through(self, node: Node) -> Flow | None:
        """Several operators at once, where that keeps less than one after the other."""
        match node:
            case Aggregate():
                return self._by_windows(node)
            case Distinct():
                return self._by_windows(Aggregate(node.name, node.input, node.columns, (), node.columns))
            case Rowwise() | Limit():
                return self._first_rows(node)
            case _:
                return None

    def _first_rows(self, node: Rowwise | Limit) -> Flow | None:
        found = leaders_of(node)
        if found is None:
            return None
        below = self.flow(found.ranked.input)
        if below.changes is not Changes.APPEND or closing_key(found.ranked, [below]) is not None:
            return None
        term = leading_term(found)
        flow = leader(found, term, below, self.build) if term else ranking(found, below, self.build)
        for each in found.above:
            flow = linear.rowwise(each, flow, self.build)
        return flow

    def _by_windows(self, node: Aggregate) -> Flow | None:
        found = panes_of(node)
        if found is None:
            return self._by_sessions(node)
        flow = self.flow(found.windows.input)
        if flow.changes is not Changes.APPEND or found.windows.time not in flow.clocks:
            return None
        partials = partials_of(node, self.build, taken_back=False)
        return panes(node, found, partials, flow, self.build)

    def _by_sessions(self, node: Aggregate) -> Flow | None:
        found = sessions_of(node)
        if found is None:
            return None
        flow = self.flow(found.windows.input)
        if not closes_sessions(found.windows, flow, self.build):
            return None
        partials = partials_of(node, self.build, taken_back=False)
        if partials is None or not found.whole:
            return session_groups(node, self.flow(node.input), self.build)
        return session_aggregates(node, found, partials, flow, self.build)

    def _maintain(self, node: Node, flows: list[Flow]) -> Flow:
        if isinstance(node, Relation):
            given = self.given[node.relation]
            return linear.read(node, given, self.build)
        if all(flow.changes is Changes.CONSTANT for flow in flows):
            rows = self.build.render(node, [flow.content or "" for flow in flows])
            return Flow(rows=rows, columns=node.columns, changes=Changes.CONSTANT, content=rows)
        found = self._row_by_row(node, flows)
        if found is not None:
            return found
        flows = coming_once(node, flows, self.build)
        closes = closing_key(node, flows)
        return closing(node, closes, flows, self.build) if closes else self._keyed(node, flows)

    def _row_by_row(self, node: Node, flows: list[Flow]) -> Flow | None:
        """What keeps nothing, or only until a session ends."""
        match node:
            case Rowwise():
                return linear.rowwise(node, flows[0], self.build)
            case Assign():
                return linear.assign(node, flows[0], self.build)
            case Union():
                return linear.union(node, coming_once(node, flows, self.build), self.build)
            case Session() if closes_sessions(node, flows[0], self.build):
                return session_rows(node, flows[0], self.build)
            case Join():
                return linear.beside_constant(node, flows[0], flows[1], self.build)
            case _:
                return None

    def _keyed(self, node: Node, flows: list[Flow]) -> Flow:
        """What keeps its state by key for as long as the key is there."""
        match node:
            case Aggregate():
                partials = partials_of(node, self.build, taken_back=flows[0].changes is Changes.REPLACE)
                if partials is not None:
                    return grouping(node, partials, flows[0], self.build)
            case Distinct():
                return distinct(node, flows[0], self.build)
            case Join() | AsOf():
                return self._joined(node, flows[0], flows[1])
            case _:
                pass
        return affected(node, flows, self.build)

    def _joined(self, node: Join | AsOf, left: Flow, right: Flow) -> Flow:
        """A join: by time where time bounds what it keeps, else by key."""
        match node:
            case Join() if (bound := bound_of(node, left, right)) is not None:
                if bound.least is not None and bound.most is not None:
                    times, span = (bound.left, bound.right), (bound.least, bound.most)
                    left, right = unsurpassed(node, left, right, self.build, times=times, span=span)
                return interval_join(node, bound, left, right, self.build)
            case AsOf() if waits_for_versions(node, left, right):
                return as_of(node, left, right, self.build)
            case Join(kind=JoinKind.INNER):
                return product(node, left, right, self.build)
            case Join() if node.on and not node.alike:
                return matching(node, left, right, self.build)
            case _:
                return affected(node, (left, right), self.build)


def _readers(root: Node) -> Counter[Node]:
    """How many operators read each."""
    found: Counter[Node] = Counter()
    waiting = [root]
    while waiting:
        for below in inputs_of(waiting.pop()):
            found[below] += 1
            if found[below] == 1:
                waiting.append(below)
    return found
