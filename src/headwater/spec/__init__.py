"""What a user declares: values, and the readers that fill them from files with exact locations.

The value modules (:mod:`~headwater.spec.declarations`, :mod:`~headwater.spec.contract`,
:mod:`~headwater.spec.product`) are what the rest of headwater depends on; the
readers are only used by :func:`read_workspace`.
"""

from headwater.spec.reader import read_workspace
from headwater.spec.secrets import Secret, resolve_secrets, resolve_text

__all__ = ["Secret", "read_workspace", "resolve_secrets", "resolve_text"]
