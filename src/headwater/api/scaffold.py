"""Starting a workspace: from a template, or from a folder of data files.

Apart from all else because it is the one place that writes the user's own
files; it never overwrites one.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Final

from headwater.api.datafiles import describe_folder, workspace_texts
from headwater.errors import UsageError, did_you_mean
from headwater.values import frozen

__all__ = [
    "Created",
    "copy_files",
    "init_from_files",
    "init_from_template",
    "refuse_overwriting",
    "templates",
    "usable_name",
    "write_texts",
]

_name: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_copy_limit: Final = 1 << 30
_gitignore: Final = "gitignore"


@frozen
class Created:
    """A new workspace: its folder, and the files written, relative to it, data last.

    ``left_out`` says what of its origin could not be carried over, each with its place.
    """

    name: str
    root: str
    files: tuple[str, ...]
    relations: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def templates() -> tuple[str, ...]:
    """The names of the templates."""
    return tuple(sorted(entry.name for entry in _folder().iterdir() if entry.is_dir()))


def init_from_template(directory: str | Path, template: str = "minimal", *, name: str | None = None) -> Created:
    """Make a workspace as a template has it.

    Raises:
        UsageError: there is no such template, the name cannot be used, or a file is in the way.
    """
    if template not in templates():
        raise UsageError(f"there is no template '{template}'", hint=did_you_mean(template, templates()))
    root = Path(directory).resolve()
    chosen = usable_name(root, name)
    texts = {
        path.replace(_gitignore, f".{_gitignore}"): _filled(path, text, chosen)
        for path, text in _texts(_folder() / template, "").items()
    }
    write_texts(root, texts)
    models = [path.removesuffix(".sql") for path in texts if path.endswith(".sql")]
    relations = sorted(".".join(path.split("/")) if "/" in path else f"{chosen}.{path}" for path in models)
    return Created(chosen, str(root), tuple(sorted(texts)), tuple(relations))


def init_from_files(
    directory: str | Path, path: str | Path, *, name: str | None = None, engine: str = "duckdb"
) -> Created:
    """Make a workspace over data files: a source and contract for each table found, and a model that reads it.

    Files in a folder of their own, and files whose names differ in digits only,
    are taken for one table when their columns are equal. Data outside of
    ``directory`` is copied into it, because paths may not leave a workspace.

    Raises:
        UsageError: there is nothing to start from, it is too big to copy, or a file is in the way.
        DataError: a file cannot be read as what its name says.
    """
    root, origin = Path(directory).resolve(), Path(path).resolve()
    chosen = usable_name(root, name)
    base = origin if origin.is_dir() else origin.parent
    inside = base.is_relative_to(root)
    tables = describe_folder(origin, engine=engine)
    prefix = base.relative_to(root).as_posix() if inside else "data"
    texts = workspace_texts(chosen, tables, "" if prefix == "." else f"{prefix}/")
    refuse_overwriting(root, texts)
    found = {} if inside else {f"{prefix}/{file}": base / file for table in tables for file in table.files}
    copied = copy_files(root, found)
    write_texts(root, texts)
    relations = tuple(f"{chosen}.{table.name}" for table in tables)
    return Created(chosen, str(root), (*sorted(texts), *copied), relations)


def _folder() -> Traversable:
    return files("headwater.api") / "templates"


def _texts(folder: Traversable, prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            found |= _texts(entry, f"{prefix}{entry.name}/")
        else:
            found[f"{prefix}{entry.name}"] = entry.read_text(encoding="utf-8")
    return found


def _filled(path: str, text: str, name: str) -> str:
    return Template(text).substitute(name=name) if path.endswith(".yaml") else text


def usable_name(root: Path, name: str | None) -> str:
    """The name as given, or one made from the folder's."""
    if name is not None:
        if not _name.fullmatch(name):
            raise UsageError(f"'{name}' cannot be a workspace's name", hint="use letters, digits and '_'")
        return name
    made = re.sub(r"\W+", "_", root.name, flags=re.ASCII).strip("_").lower() or "workspace"
    return made if _name.fullmatch(made) else f"w_{made}"


def write_texts(root: Path, texts: Mapping[str, str]) -> None:
    refuse_overwriting(root, texts)
    for path, text in texts.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def refuse_overwriting(root: Path, texts: Mapping[str, str]) -> None:
    there = sorted(path for path in texts if (root / path).exists())
    if there:
        raise UsageError(
            f"{root} already holds {there[0]}" + (f" and {len(there) - 1} more of the files" if there[1:] else ""),
            detail="Nothing was written.",
            hint="choose an empty folder",
        )


def copy_files(root: Path, files: Mapping[str, Path]) -> list[str]:
    """Copy data into a workspace: new name, relative to it, to file. Raises UsageError when it is too much."""
    size = sum(file.stat().st_size for file in files.values())
    if size > _copy_limit:
        first = next(iter(files.values())).parent
        raise UsageError(
            f"the data is too big to be copied: {size / 2**30:.1f} GiB",
            hint=f"make the workspace around it: headwater init {first.parent} --from files {first}",
        )
    for name, file in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, root / name)
    return list(files)
