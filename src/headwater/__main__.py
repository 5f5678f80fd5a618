"""``python -m headwater``: the command line without the installed script."""

from __future__ import annotations

import sys

from headwater.cli import main

sys.exit(main())
