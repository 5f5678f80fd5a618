"""Migrations of the metadata store, run by Alembic."""
