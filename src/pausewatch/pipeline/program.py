"""The program itself: a hash of the code that derived state is computed by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np


@cache
def program_sha256(rooms: Sequence[str] = ("fleet", "telemetry", "baselines", "detection")) -> str:
    """Return a hash of the code of some rooms, or single files: another program may say something else of an input."""
    import pausewatch

    root = Path(pausewatch.__file__).parent
    digest = hashlib.sha256(f"{np.__version__}".encode())
    for room in rooms:
        for path in sorted((root / room).rglob("*.py")) if (root / room).is_dir() else [root / room]:
            digest.update(path.read_bytes())
    return digest.hexdigest()
