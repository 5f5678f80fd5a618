"""A dbt project as a workspace: its models, seeds, sources and tests, as far as they can be carried over.

Apart from the template reader because here files are read and decisions made.
Neither dbt nor its manifest is needed. Whatever is left out is said with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeGuard

from headwater.api.datafiles import DataTable, describe_folder
from headwater.api.dbt_template import Template, read_template
from headwater.errors import DeclarationError, DeclarationErrors, Location, UsageError
from headwater.spec.documents import Document, parse_document
from headwater.spec.models import identifier_problem
from headwater.spec.text import FileText
from headwater.types import Json, quote_identifier, quote_text
from headwater.values import frozen

__all__ = ["DbtProject", "Tested", "read_project"]

_project_file: Final = "dbt_project.yml"
_carried: Final = frozenset(
    {"materialized", "unique_key", "tags", "alias", "schema", "description", "incremental_strategy"}
)
_largest: Final = 5 * 1024 * 1024


@frozen
class Tested:
    """What a project's tests promise of a column."""

    required: bool = False
    unique: bool = False
    values: tuple[str, ...] | None = None
    refers: tuple[str, str] | None = None


@dataclass(slots=True)
class DbtProject:
    """What was read. ``sources`` are declarations of ``sources.yaml``; ``left_out`` says what is missing, and where."""

    name: str
    models: dict[str, str] = field(default_factory=dict)
    seeds: dict[str, tuple[Path, DataTable]] = field(default_factory=dict)
    sources: dict[str, dict[str, Json]] = field(default_factory=dict)
    tests: dict[str, dict[str, Tested]] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def read_project(folder: Path, *, engine: str) -> DbtProject:
    """Read a dbt project.

    Raises:
        UsageError: the folder holds no project, or nothing of it can be carried over.
        DeclarationErrors: its ``dbt_project.yml`` cannot be read.
    """
    if not (folder / _project_file).is_file():
        raise UsageError(f"there is no {_project_file} in {folder}", hint="name the folder of the dbt project")
    settings = _mapping(parse_document(_text(folder, folder / _project_file)).data)
    reading = _Reading(folder, DbtProject(str(settings.get("name") or folder.name)))
    reading.seeds(_paths(settings, "seed-paths", "seeds"), engine)
    models = [path for each in _paths(settings, "model-paths", "models") for path in sorted((folder / each).rglob("*"))]
    reading.descriptions([path for path in models if path.suffix in (".yml", ".yaml")])
    reading.models([path for path in models if path.suffix == ".sql"])
    reading.others([path for path in models if path.suffix == ".py"], settings)
    if not reading.found.models:
        raise UsageError(
            f"no model of {folder} can be carried over",
            detail="\n".join(reading.found.left_out) or "it has none",
            hint="compile the models with dbt, and write what they compile to as plain SQL",
        )
    return reading.found


@dataclass(slots=True)
class _Reading:
    """One pass over a project."""

    folder: Path
    found: DbtProject
    _tables: dict[tuple[str, str], str] = field(default_factory=dict)

    def seeds(self, folders: list[str], engine: str) -> None:
        for path in (file for each in folders for file in sorted((self.folder / each).rglob("*.csv"))):
            name = path.stem.lower()
            if problem := identifier_problem(name, "source"):
                self._leave(Location(self._name(path)), problem)
                continue
            (table,) = describe_folder(path, engine=engine)
            self.found.seeds[name] = (path, table)

    def descriptions(self, paths: list[Path]) -> None:
        """Sources, tests and descriptions of all YAML files."""
        for path in paths:
            try:
                document = parse_document(_text(self.folder, path))
            except DeclarationErrors as error:
                self._leave(error.errors[0].where, error.errors[0].message)
                continue
            data = _mapping(document.data)
            for number, source in _listed(data, "sources"):
                self._source(document, ("sources", number), source)
            for number, model in _listed(data, "models"):
                self._described(document, ("models", number), model)

    def models(self, paths: list[Path]) -> None:
        known = {path.stem.lower() for path in paths} | self.found.seeds.keys()
        for path in paths:
            name = path.stem.lower()
            file = _text(self.folder, path)
            if problem := identifier_problem(name, "model"):
                self._leave(file.at(1, 1), problem)
                continue
            if name in self.found.models:
                self._leave(file.at(1, 1), f"there are two models '{name}'")
                continue
            try:
                template = read_template(
                    file,
                    lambda other: quote_identifier(other.lower()) if other.lower() in known else None,
                    self._table,
                )
            except DeclarationError as error:
                self._leave(error.where, error.message)
                continue
            for line in template.dropped:
                self._leave(file.at(line, 1), "the is_incremental() block: headwater finds what is new by itself")
            self.found.models[name] = f"{self._header(file, name, template)}\n{template.sql}\n"

    def others(self, models: list[Path], settings: Mapping[str, Json]) -> None:
        """What a project may have besides, and headwater does not carry over."""
        for path in models:
            self._leave(Location(self._name(path), 1), "a Python model")
        for key, default in (("macro-paths", "macros"), ("snapshot-paths", "snapshots"), ("test-paths", "tests")):
            for each in _paths(settings, key, default):
                for path in sorted((self.folder / each).rglob("*.sql")):
                    self._leave(Location(self._name(path), 1), f"{default[:-1]}s are not carried over")
        for key in ("on-run-start", "on-run-end", "vars"):
            if settings.get(key):
                self._leave(Location(_project_file), f"'{key}' is not carried over")

    def _header(self, file: FileText, name: str, template: Template) -> str:
        parts = [f"name {name}"]
        config = template.config
        for key in sorted(config.keys() - _carried):
            self._leave(file.at(1, 1), f"the setting '{key}' of {name}")
        if config.get("materialized") in ("view", "ephemeral"):
            parts.append("output view")
        unique = config.get("unique_key")
        keys = [unique] if isinstance(unique, str) else [str(each) for each in unique] if _is_list(unique) else []
        if keys and not any(identifier_problem(each, "column") for each in keys):
            parts.append(f"grain ({', '.join(keys)})")
        if text := self.found.descriptions.get(name):
            parts.append(f"description {quote_text(' '.join(text.split()))}")
        return f"MODEL ({', '.join(parts)});"

    def _table(self, source: str, table: str) -> str | None:
        found = self._tables.get((source.lower(), table.lower()))
        return quote_identifier(found) if found else None

    def _source(self, document: Document, at: tuple[str | int, ...], source: Mapping[str, Json]) -> None:
        name = str(source.get("name", "")).lower()
        for number, table in _listed(source, "tables"):
            where, other = document.where((*at, "tables", number)), str(table.get("name", "")).lower()
            relation = f"{name}_{other}"
            if problem := identifier_problem(relation, "source"):
                self._leave(where, problem)
                continue
            self._tables[name, other] = relation
            columns = {
                str(column["name"]).lower(): str(column["data_type"])
                for _, column in _listed(table, "columns")
                if column.get("name") and column.get("data_type")
            }
            path = f"data/{name}/{other}.csv"
            self.found.sources[relation] = {"kind": "files", "path": path, **({"columns": columns} if columns else {})}
            self._leave(where, f"the rows of the source {name}.{other}: put them to {path}, or set its path")

    def _described(self, document: Document, at: tuple[str | int, ...], model: Mapping[str, Json]) -> None:
        name = str(model.get("name", "")).lower()
        if isinstance(text := model.get("description"), str) and text.strip():
            self.found.descriptions[name] = text
        for test in self._tests(model):
            self._leave(document.where(at), f"the test {_shown(test)} of the model {name}")
        for number, column in _listed(model, "columns"):
            tested = Tested()
            for test in self._tests(column):
                made = _with(tested, test)
                if made is None:
                    self._leave(document.where((*at, "columns", number)), f"the test {_shown(test)}")
                tested = made or tested
            if tested != Tested():
                self.found.tests.setdefault(name, {})[str(column.get("name", "")).lower()] = tested

    @staticmethod
    def _tests(element: Mapping[str, Json]) -> Iterator[Json]:
        for key in ("tests", "data_tests"):
            found = element.get(key)
            yield from found if isinstance(found, list) else ()

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _leave(self, where: Location | None, what: str) -> None:
        self.found.left_out.append(f"{where}: {what}" if where else what)


def _with(tested: Tested, test: Json) -> Tested | None:
    """A column's promises with one more; None when the test is none that a contract knows."""
    name, arguments = (test, {}) if isinstance(test, str) else _only(test)
    match name:
        case "not_null":
            return Tested(True, tested.unique, tested.values, tested.refers)
        case "unique":
            return Tested(tested.required, True, tested.values, tested.refers)
        case "accepted_values" if isinstance(values := arguments.get("values"), list):
            return Tested(tested.required, tested.unique, tuple(map(str, values)), tested.refers)
        case "relationships":
            to = str(arguments.get("to", "")).strip()
            model = to.removeprefix("ref(").removesuffix(")").strip("'\" ")
            if to.startswith("ref(") and not identifier_problem(model, "model") and arguments.get("field"):
                return Tested(tested.required, tested.unique, tested.values, (model.lower(), str(arguments["field"])))
    return None


def _only(test: Json) -> tuple[str, Mapping[str, Json]]:
    if not isinstance(test, Mapping) or len(test) != 1:
        return "", {}
    ((name, arguments),) = test.items()
    given = _mapping(arguments)
    return name, _mapping(given["arguments"]) if "arguments" in given else given


def _shown(test: Json) -> str:
    return test if isinstance(test, str) else ", ".join(test) if isinstance(test, Mapping) else str(test)


def _paths(settings: Mapping[str, Json], key: str, default: str) -> list[str]:
    found = settings.get(key)
    names = [str(each) for each in found] if isinstance(found, list) else [default]
    return [name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts]


def _listed(element: Mapping[str, Json], key: str) -> Iterator[tuple[int, Mapping[str, Json]]]:
    found = element.get(key)
    for number, each in enumerate(found if isinstance(found, list) else ()):
        if isinstance(each, Mapping):
            yield number, each


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _mapping(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(folder: Path, path: Path) -> FileText:
    """A file of the project. Raises UsageError when it is no text of sensible size inside of it."""
    name = path.relative_to(folder).as_posix()
    if not path.resolve().is_relative_to(folder) or path.stat().st_size > _largest:
        raise UsageError(f"{name} leads out of the project, or is too big to be a declaration")
    try:
        return FileText(name, path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read", detail=str(error)) from error
