"""Parquet tables: files in folders that any reader can glob, with our own small commit protocol."""

from headwater.formats.tables.parquet.format import ParquetFormat

__all__ = ["ParquetFormat"]
