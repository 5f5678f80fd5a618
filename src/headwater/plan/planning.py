"""From one declared relation to its step: schema, program, judgement, fingerprints.

Apart from the order in which relations are taken (:mod:`headwater.plan.build`):
here each relation is planned by itself, from what is known of those it reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from headwater.errors import DeclarationError, DeclarationErrors
from headwater.incremental.program import ChangeMode, Clock, Given
from headwater.plan.cache import AnalysisCache, judgement_key, understood_key
from headwater.plan.changes import keyed_source, rows_of
from headwater.plan.codec import Understood, from_judgement, from_understood, to_judgement, to_understood
from headwater.plan.fingerprints import (
    content_rules,
    contract_digest,
    digest,
    full_fingerprint,
    metadata_traits,
    partition_text,
    schema_digest,
    to_stable_json,
)
from headwater.plan.needs import Needs
from headwater.plan.promises import (
    Capabilities,
    Storage,
    capability_errors,
    event_time_errors,
    header_errors,
    reference_errors,
    storage_errors,
    view_errors,
)
from headwater.plan.queries import Queries
from headwater.plan.steps import ModelStep, Recorded, SourceStep
from headwater.quality import agree, compile_judgement
from headwater.quality.changes import judge_changes
from headwater.quality.checks import Judgement
from headwater.spec.contract import Contract
from headwater.spec.declarations import Environment, Model, Source, Workspace
from headwater.types import RelationName, Schema
from headwater.values import frozen

__all__ = ["Context", "RelationPlanner"]


@frozen
class Context:
    """What planning is given; the arguments of :func:`headwater.plan.build_plan`."""

    workspace: Workspace
    environment: Environment
    recorded: Mapping[RelationName, Recorded]
    discovered: Mapping[RelationName, Schema]
    queries: Queries
    cache: AnalysisCache
    engine: str
    capabilities: Capabilities | None
    storage: Storage | None
    understood: dict[str, Understood]


@dataclass(slots=True)
class RelationPlanner:
    """Plans relations one after the other; each must come behind those it reads."""

    context: Context
    needs: Needs
    sources: dict[RelationName, SourceStep] = field(default_factory=dict)
    models: dict[RelationName, ModelStep] = field(default_factory=dict)
    _schema_digests: dict[RelationName, str] = field(default_factory=dict)

    def schema(self, relation: RelationName) -> Schema:
        """The columns of a relation planned before."""
        source = self.sources.get(relation)
        return source.schema if source else self.models[relation].analysis.schema

    def plan_source(self, source: Source) -> None:
        """Plan a source.

        Raises:
            DeclarationError, DeclarationErrors: its columns are not known or disagree with its contract.
        """
        relation = source.relation
        found = self.context.discovered.get(relation)
        schema = source.schema or (rows_of(source, found) if found else None)
        if schema is None:
            raise DeclarationError(
                f"the columns of the source '{relation}' are not known",
                hint="declare them under 'columns', or by a contract",
                where=source.where,
            )
        contract = self.needs.contracts.get(relation)
        judgement = self._source_judgement(contract, relation, schema)
        keyed = None
        if source.changes is not None:
            keyed = keyed_source(source, source.changes, schema, contract)
            source = replace(source, schema=keyed.records)
            judgement = judge_changes(judgement, contract, key=keyed.key, required=keyed.required)
        traits = {
            "kind": source.kind,
            "key": ", ".join(contract.primary_key) if contract else "",
            "connection": _connection(source),
            "options": to_stable_json({name: digest(value) for name, value in source.options.items()}),
            "rules": _rules(judgement),
            **(
                {"changes": digest([list(keyed.key), list(keyed.required), keyed.query, keyed.program.version])}
                if keyed
                else {}
            ),
        }
        own = digest([traits, schema_digest(schema)])
        said = metadata_traits(source, judgement, contract, self._owner(relation))
        self.sources[relation] = SourceStep(
            source=source,
            relation=relation,
            schema=schema,
            judgement=judgement,
            fingerprint=own,
            metadata_fingerprint=digest(said),
            traits=_filled({**traits, **said}),
            keyed=keyed,
        )

    def plan_model(self, model: Model) -> None:
        """Plan a model.

        Raises:
            DeclarationError, DeclarationErrors: its query, contract or header is wrong.
        """
        relation = model.relation
        contract = self.needs.contracts.get(relation)
        output = model.output or self.context.environment.lake.format
        understood = self._understand(model, contract, stored=self._keeps_state(model, output))
        analysis, program, judgement = understood.analysis, understood.program, understood.judgement
        named = list(header_errors(model, analysis.schema))
        errors = [
            *(named or storage_errors(model, output, analysis.schema, self.context.storage)),
            *view_errors(model, output, judgement),
            *capability_errors(model, output, program.mode, self.context.capabilities),
        ]
        if errors:
            raise DeclarationErrors(errors)
        upstream = {read: self._fingerprint(read) for read in analysis.reads}
        content = {
            "key": ", ".join(contract.primary_key if contract and contract.primary_key else model.grain),
            "output": output,
            "partitioning": partition_text(model.partition_by),
            "program": program.version,
            "rules": _rules(judgement),
        }
        said = metadata_traits(model, judgement, contract, self._owner(relation))
        own = digest([analysis.canonical, content])
        full = full_fingerprint(own, upstream)
        upstream_trait = to_stable_json({str(read): fingerprint for read, fingerprint in upstream.items()})
        self.models[relation] = ModelStep(
            relation=relation,
            analysis=analysis,
            program=program,
            judgement=judgement,
            output=output,
            partition_by=model.partition_by,
            renames=model.renames,
            grain=model.grain,
            fingerprint=full,
            own_fingerprint=own,
            metadata_fingerprint=digest(said),
            rebuild=self._starts_anew(relation, full, analysis.reads),
            traits=_filled({**content, "upstream": upstream_trait, **said}),
            where=model.where,
        )

    def _understand(self, model: Model, contract: Contract | None, *, stored: bool) -> Understood:
        meant, product = self.needs.reads[model.relation], model.relation.product
        key = understood_key(
            model.relation,
            model.query,
            {parts: (read, self._schema_digest(read), self._given(read, product)) for parts, read in meant.items()},
            self._contract_digest(contract),
            self.context.engine,
            stored=stored,
        )
        known = self.context.understood.get(key)
        if known is not None:
            return known
        entry = self.context.cache.get(key)
        if entry is not None:
            return to_understood(entry, model.path, model.query_line)
        schemas = {read: self.schema(read) for read in meant.values()}
        given = {read: self._given(read, product) for read in meant.values()}
        analysis, program = self.context.queries.understand(model, meant, schemas, given, stored=stored)
        judgement = self._judge(contract, model.relation, analysis.schema)
        understood = self.context.understood[key] = Understood(analysis, program, judgement)
        self.context.cache.put(key, from_understood(understood, model.query_line))
        return understood

    def _source_judgement(self, contract: Contract | None, relation: RelationName, schema: Schema) -> Judgement | None:
        if contract is None:
            return None
        key = judgement_key(relation, schema_digest(schema), self._contract_digest(contract), self.context.engine)
        entry = self.context.cache.get(key)
        if entry is not None:
            return to_judgement(entry)
        judgement = self._judge(contract, relation, schema)
        if judgement is not None:
            judgement = self.context.queries.with_fields(judgement, schema)
            self.context.cache.put(key, from_judgement(judgement))
        return judgement

    def _judge(self, contract: Contract | None, relation: RelationName, schema: Schema) -> Judgement | None:
        if contract is None:
            return None
        errors = [
            *reference_errors(contract, schema, lambda to: schema if to == relation else self.schema(to)),
            *event_time_errors(contract, schema),
            *agree(contract, schema),
        ]
        try:
            judgement = compile_judgement(contract, relation, schema)
            errors.extend(self.context.queries.check_rules(contract, judgement, schema))
        except DeclarationErrors as found:
            errors.extend(found.errors)
        if errors:
            raise DeclarationErrors(errors)
        return judgement

    def _starts_anew(self, relation: RelationName, fingerprint: str, reads: tuple[RelationName, ...]) -> bool:
        """A changed model is computed from history, and so is a new one whose inputs have a past."""
        known = self.context.recorded.get(relation)
        if known is not None:
            return known.fingerprint != fingerprint
        return any(
            read in self.context.recorded or (read in self.models and self.models[read].rebuild) for read in reads
        )

    def _fingerprint(self, relation: RelationName) -> str:
        source = self.sources.get(relation)
        return source.fingerprint if source else self.models[relation].fingerprint

    def _given(self, relation: RelationName, reader: str) -> Given:
        """How a relation changes, and the clocks of its columns: its own event time, or those of what it reads.

        The watermarks below another product's model are that product's own, so to a
        ``reader`` in another one only the event time that the relation itself declares counts.
        """
        model, source = self.models.get(relation), self.sources.get(relation)
        if source is not None and source.keyed is not None:
            return Given(source.keyed.program.mode)
        program = model.program if model else None
        inside = program if relation.product == reader else None
        contract = self.needs.contracts.get(relation)
        clocks = dict(inside.clocks) if inside else {}
        if contract is not None and contract.event_time is not None:
            clocks[contract.event_time.column] = Clock(frozenset((relation,)))
        mode = program.mode if program else ChangeMode.APPEND
        return Given(mode, clocks, inside.settled if inside else frozenset())

    def _keeps_state(self, model: Model, output: str) -> bool:
        """Whether a model may keep state: it has a table, and all it reads tells its changes."""
        meant = self.needs.reads[model.relation].values()
        anew = (self.models[read] for read in meant if read in self.models)
        return output != "view" and not any(
            below.output == "view" and below.program.mode is ChangeMode.REPLACE for below in anew
        )

    def _schema_digest(self, relation: RelationName) -> str:
        found = self._schema_digests.get(relation)
        if found is None:
            found = self._schema_digests[relation] = schema_digest(self.schema(relation))
        return found

    def _contract_digest(self, contract: Contract | None) -> str:
        if contract is None:
            return ""
        references = [self._schema_digest(to) for to in self._referred(contract)]
        return digest([contract_digest(contract), *references])

    def _referred(self, contract: Contract) -> Iterator[RelationName]:
        for reference in contract.references:
            to = RelationName.parse(reference.to)
            if to in self.sources or to in self.models:
                yield to

    def _owner(self, relation: RelationName) -> str | None:
        product = self.context.workspace.products.get(relation.product)
        return product.owner if product else None


def _rules(judgement: Judgement | None) -> str:
    rules = content_rules(judgement)
    return to_stable_json(rules) if rules else ""


def _connection(source: Source) -> str:
    if source.connection is None:
        return ""
    return f"{source.connection.name} ({digest([source.connection.kind, dict(source.connection.options)])[:8]})"


def _filled(traits: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in traits.items() if text}
