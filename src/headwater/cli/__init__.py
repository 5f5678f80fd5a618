"""The command line: arguments in, :mod:`headwater.api` called, text or JSON out."""
