"""Iceberg tables in a SQL catalog: commits of our own on pyiceberg's manifests, schemas and scans."""

from headwater.formats.tables.iceberg.format import IcebergFormat

__all__ = ["IcebergFormat"]
