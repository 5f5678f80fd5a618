"""headwater: declare a data product once, run it in batch, incrementally and as a stream.

The package exports nothing but its version, so that ``import headwater`` costs
nothing. Programs use :mod:`headwater.api`; plugins use :mod:`headwater.spi`
and :mod:`headwater.testing`.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
