"""Starting a workspace from what people have: ODCS contracts, or a dbt project.

Apart from templates and data files because something may be left out here; then
:attr:`Created.left_out` says what, and where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headwater.api.dbt_project import DbtProject, Tested, read_project
from headwater.api.planning import plan
from headwater.api.project import load
from headwater.api.scaffold import Created, copy_files, refuse_overwriting, usable_name, write_texts
from headwater.errors import DeclarationError, DeclarationErrors, HeadwaterError, UsageError
from headwater.quality import infer_contract
from headwater.spec.contract import Contract
from headwater.types import Json, RelationName, Schema, quote_identifier, quote_text

__all__ = ["init_from_dbt", "init_from_odcs"]


def init_from_odcs(directory: str | Path, path: str | Path, *, name: str | None = None) -> Created:
    """Make a workspace of ODCS contracts: each as it is, beside a model to be written for every table of it.

    The model has the contract's columns and no rows until its query is written.

    Raises:
        UsageError: there is no contract, or a file is in the way.
    """
    from headwater.spec.contracts import to_contracts
    from headwater.spec.documents import parse_document
    from headwater.spec.text import FileText
    from headwater.spec.writing import write_document

    root, origin = Path(directory).resolve(), Path(path).resolve()
    chosen = usable_name(root, name)
    base = origin if origin.is_dir() else origin.parent
    texts: dict[str, str] = {"headwater.yaml": f"name: {chosen}\n", ".gitignore": ".headwater/\n"}
    left_out: list[str] = []
    relations: list[str] = []
    for file in sorted(origin.rglob("*.y*ml")) if origin.is_dir() else [origin]:
        shown = file.relative_to(base).as_posix()
        try:
            document = parse_document(FileText(shown, file.read_text(encoding="utf-8-sig")))
            if not isinstance(document.data, Mapping) or document.data.get("kind") != "DataContract":
                continue
            models = {contract.relation: _skeleton(contract) for contract in to_contracts(document)}
        except DeclarationErrors as error:
            left_out += [f"{each.where}: {each.message}" for each in error.errors]
            continue
        except (DeclarationError, OSError, UnicodeDecodeError) as error:
            left_out.append(f"{shown}: {error}")
            continue
        if twice := sorted(f"{chosen}.{relation}" for relation in models if f"{chosen}.{relation}" in relations):
            left_out.append(f"{shown}: {twice[0]} has a contract already")
            continue
        stem = file.name.partition(".")[0]
        texts[f"{chosen}/{stem}.odcs.yaml"] = write_document(document)
        texts |= {f"{chosen}/{relation}.sql": text for relation, text in models.items()}
        relations += [f"{chosen}.{relation}" for relation in models]
    if not relations:
        raise UsageError(f"there is no ODCS contract in {origin}", detail="\n".join(left_out) or None)
    write_texts(root, texts)
    return Created(chosen, str(root), tuple(sorted(texts)), tuple(relations), tuple(left_out))


def _skeleton(contract: Contract) -> str:
    columns = ",\n".join(
        f"  CAST(NULL AS {column.type or 'VARCHAR'}) AS {quote_identifier(column.name)}"
        for column in contract.properties
    )
    return (
        f"-- Write the query that yields what the contract promises; until then there are no rows.\n"
        f"MODEL (name {contract.relation}, description {quote_text(f'What the contract {contract.id} promises.')});\n"
        f"SELECT\n{columns}\nWHERE false\n"
    )


def init_from_dbt(
    directory: str | Path, path: str | Path, *, name: str | None = None, engine: str = "duckdb"
) -> Created:
    """Make a workspace of a dbt project: models, seeds as sources, and contracts of its tests.

    Raises:
        UsageError: there is no project, nothing of it can be carried over, or a file is in the way.
    """
    root, origin = Path(directory).resolve(), Path(path).resolve()
    project = read_project(origin, engine=engine)
    chosen = usable_name(root, name)
    sources = dict(project.sources)
    for seed, (_, table) in project.seeds.items():
        null: dict[str, Json] = {"null": table.null} if table.null else {}
        sources[seed] = {"kind": "files", "path": f"data/{seed}.csv", **null, "columns": table.schema.to_mapping()}
    texts = _dbt_texts(chosen, project, sources)
    refuse_overwriting(root, texts)
    data = copy_files(root, {f"data/{seed}.csv": file for seed, (file, _) in project.seeds.items()})
    write_texts(root, texts)
    contracts, untested = _contracts(root, chosen, project)
    write_texts(root, contracts)
    return Created(
        chosen,
        str(root),
        (*sorted([*texts, *contracts]), *data),
        tuple(f"{chosen}.{model}" for model in project.models),
        (*project.left_out, *untested),
    )


def _dbt_texts(name: str, project: DbtProject, sources: Mapping[str, Mapping[str, Json]]) -> dict[str, str]:
    from headwater.spec.writing import to_yaml

    texts = {"headwater.yaml": f"name: {name}\n", ".gitignore": ".headwater/\n"}
    texts |= {f"{name}/{model}.sql": text for model, text in project.models.items()}
    if sources:
        texts[f"{name}/sources.yaml"] = to_yaml({"sources": {key: dict(value) for key, value in sources.items()}})
    return texts


def _contracts(root: Path, name: str, project: DbtProject) -> tuple[dict[str, str], list[str]]:
    """The contracts of tested models, and what could not be promised: a contract names every column of its model."""
    from headwater.spec.writing import to_yaml

    tested = {model: columns for model, columns in project.tests.items() if model in project.models}
    untested = [
        f"the tests of {model}: the model was left out" for model in sorted(project.tests.keys() - tested.keys())
    ]
    if not tested:
        return {}, untested
    try:
        steps = {step.relation.name: step for product in plan(load(root)).products for step in product.models}
    except HeadwaterError as error:
        reason = f"the tests: the models cannot be planned yet ({error.message}); 'headwater check' says why"
        return {}, [*untested, reason]
    texts: dict[str, str] = {}
    for model, columns in tested.items():
        step = steps[model]
        if step.output == "view":
            untested.append(f"the tests of {model}: a view is judged by nobody; give the model an output")
            continue
        relation = RelationName(name, model)
        document = infer_contract(
            step.analysis.schema, id=str(relation), relation=relation, description=project.descriptions.get(model)
        )
        untested += [
            f"the tests of {model}.{column}: the model has no such column"
            for column in sorted(columns.keys() - _folded(step.analysis.schema))
        ]
        for stated in document["schema"][0]["properties"]:
            _promise(stated, columns.get(stated["name"].casefold(), Tested()), project, untested, model)
        texts[f"{name}/{model}.odcs.yaml"] = to_yaml(document)
    return texts, untested


def _folded(schema: Schema) -> set[str]:
    return {column.casefold() for column in schema.names}


def _promise(stated: dict[str, Any], tested: Tested, project: DbtProject, untested: list[str], model: str) -> None:
    """Put into a contract's column what the tests say of it."""
    if tested.required:
        stated["required"] = True
    if tested.unique:
        stated["unique"] = True
    if tested.values is not None:
        stated["enum"] = [{"value": value} for value in tested.values]
    if tested.refers is not None:
        to, column = tested.refers
        if to in project.models or to in project.seeds:
            stated["relationships"] = [{"type": "foreignKey", "to": f"{to}.{column}"}]
        else:
            untested.append(f"the reference of {model}.{stated['name']} to {to}, which was left out")
