"""Reading a workspace: all files to one :class:`Workspace`, or all errors at once.

Apart from the readers of each kind of file: here is which folder makes a
product, and in which order errors are shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from headwater.errors import DeclarationError, DeclarationErrors, Location
from headwater.spec.assembly import Settings, to_settings, to_sources
from headwater.spec.contracts import to_contracts
from headwater.spec.declarations import Workspace
from headwater.spec.documents import parse_document
from headwater.spec.files import SOURCES, WORKSPACE_FILE, WorkspaceFiles
from headwater.spec.linking import Parts, link
from headwater.spec.models import identifier_problem, parse_model
from headwater.spec.product import Product
from headwater.spec.products import to_product

__all__ = ["read"]

DESCRIPTORS: Final = (".odps.yaml", ".odps.yml")


def read(root: Path) -> Workspace:
    """What :func:`headwater.spec.read_workspace` promises."""
    root = root.absolute()
    reading = _Reading(WorkspaceFiles(root))
    parts = reading.read_all()
    if parts is None or reading.errors:
        raise DeclarationErrors(sorted(reading.errors, key=_file_order))
    workspace, errors = link(parts, str(root))
    if errors:
        raise DeclarationErrors(sorted(errors, key=_file_order))
    return workspace


def _file_order(error: DeclarationError) -> tuple[bool, str, int, int]:
    where = error.where or Location("")
    return where.path != WORKSPACE_FILE, where.path, where.line or 0, where.column or 0


@dataclass(slots=True)
class _Reading:
    """One pass over the files; what is wrong is collected."""

    files: WorkspaceFiles
    errors: list[DeclarationError] = field(default_factory=list)

    def read_all(self) -> Parts | None:
        settings = self._settings()
        name = settings.name if settings else "workspace"
        parts = Parts(settings or Settings(name, {}, ""))
        if settings:
            parts.sources.extend(settings.sources)
        paths = self._find()
        described = {_folder(path) for path in paths if path.endswith(DESCRIPTORS)}
        for path in paths:
            folder = _product_folder(path, described)
            product = folder.rpartition("/")[2] or name
            self._declare(parts, product, folder)
            try:
                self._take(parts, path, product, folder)
            except DeclarationErrors as error:
                self.errors.extend(error.errors)
            except DeclarationError as error:
                self.errors.append(error)
        return parts if settings else None

    def _settings(self) -> Settings | None:
        path = self.files.root / WORKSPACE_FILE
        if not path.exists() and not path.is_symlink():
            error = DeclarationError(
                f"there is no {WORKSPACE_FILE} in this folder",
                detail=f"a workspace is a folder with a {WORKSPACE_FILE}",
                hint="run 'headwater init', or name the workspace's folder with -C",
                where=Location(WORKSPACE_FILE),
            )
            self.errors.append(error)
            return None
        try:
            return to_settings(parse_document(self.files.read(WORKSPACE_FILE)))
        except DeclarationErrors as error:
            self.errors.extend(error.errors)
        except DeclarationError as error:
            self.errors.append(error)
        return None

    def _find(self) -> list[str]:
        try:
            return self.files.find()
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            self.errors.append(DeclarationError("a folder of the workspace cannot be read", detail=reason))
            return []

    def _declare(self, parts: Parts, product: str, folder: str) -> None:
        """Note the product a file belongs to, once."""
        known = parts.folders.get(product)
        if known == folder:
            return
        if known is not None:
            hint = "rename one of the folders: products are named as their folders"
            message = f"two products are named '{product}': {known or '.'}/ and {folder or '.'}/"
            self.errors.append(DeclarationError(message, hint=hint, where=Location(folder or ".")))
            return
        parts.folders[product] = folder
        problem = identifier_problem(product, "product")
        if problem:
            hint = "products are named as their folders: rename it to letters, digits and underscores"
            self.errors.append(DeclarationError(problem, hint=hint, where=Location(folder)))

    def _take(self, parts: Parts, path: str, product: str, folder: str) -> None:
        file = self.files.read(path)
        if path.endswith(".sql"):
            parts.models.append(parse_model(file, product))
        elif path.endswith(DESCRIPTORS):
            self._take_product(parts, to_product(parse_document(file), product, folder))
        elif path.rpartition("/")[2] in SOURCES:
            parts.sources.extend(to_sources(parse_document(file), product))
        else:
            parts.contracts.extend((product, contract) for contract in to_contracts(parse_document(file)))

    @staticmethod
    def _take_product(parts: Parts, product: Product) -> None:
        first = parts.products.setdefault(product.name, product)
        if first is not product and first.folder == product.folder:
            other = first.where.path if first.where else first.folder
            raise DeclarationError(
                f"the product '{product.name}' is described twice", detail=f"also in {other}", where=product.where
            )


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _product_folder(path: str, described: set[str]) -> str:
    """The nearest folder with a descriptor, else the top folder; '' is the workspace itself."""
    folder = _folder(path)
    while folder and folder not in described:
        folder = _folder(folder)
    return folder if folder or "" in described else path.partition("/")[0] if "/" in path else ""
