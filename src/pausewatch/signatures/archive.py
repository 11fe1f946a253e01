"""A model's file: a skops archive with the same bytes for the same model, whenever and wherever it was made.

skops names parts by their addresses in memory and stamps them with the clock; both are replaced by a count.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SCHEMA = "schema.json"
_ADDRESS = re.compile(r'("__id__": )(\d+)|"(\d+)(\.npy)"')


def archived(estimator: Any) -> bytes:
    """Return an estimator as a skops archive."""
    from skops import io as skops

    made = zipfile.ZipFile(io.BytesIO(skops.dumps(estimator)))
    numbers: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        number = numbers.setdefault(found[2] or found[3], len(numbers))
        return f"{found[1]}{number}" if found[2] else f'"{number}{found[4]}"'

    schema = _ADDRESS.sub(numbered, made.read(_SCHEMA).decode())
    parts = {
        f"{numbers[name.removesuffix('.npy')]}.npy": made.read(name) for name in made.namelist() if name != _SCHEMA
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in [*sorted(parts.items()), (_SCHEMA, schema.encode())]:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return out.getvalue()
