"""What the user declared, read, validated and located.

The only room that knows YAML, pydantic and JSON Schema. It yields frozen
values (:mod:`headwater.spec.declarations`, :mod:`headwater.spec.contract`,
:mod:`headwater.spec.product`); nothing below it sees a file's syntax.
"""
