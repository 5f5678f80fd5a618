"""Queries as operators over rows, and each operator as SQL."""
