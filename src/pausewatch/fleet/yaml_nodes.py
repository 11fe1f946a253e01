"""YAML read for people: every value keeps its line, and nothing is turned into something it isn't.

PyYAML's resolvers are YAML 1.1: `NO` becomes False, `12:30` becomes 750, a time with an offset loses it. Here plain
scalars become null, true, false, integers and floats as in YAML 1.2's core schema, and strings otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from pausewatch.errors import FleetProblem

# 007 is an id, not a 7; thousands of digits are no number anybody meant.
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,30})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# A file without aliases has fewer values than characters; one with a sensible use of them a few times more.
_MAX_NODES_PER_CHARACTER, _ALWAYS_ALLOWED_NODES = 10, 10_000

Path = tuple[str | int, ...]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes without working out YAML 1.1's tags: nobody reads them, and they cost a third of a large file."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        return ""

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        return

    def ascend_resolver(self) -> None:
        return


@dataclass
class Document:
    """Plain data, the line of every key and value by path, and what was wrong with the YAML itself."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[FleetProblem] = field(default_factory=list)

    def line_of(self, path: Path) -> int:
        """Return the line of a path, or of its nearest known parent."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 1


def read_yaml(text: str, where: str) -> Document:
    """Parse one YAML document."""
    document = Document()
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        message = error.problem or "not valid YAML"
        lines = text.splitlines()
        if (
            mark
            and line <= len(lines)
            and "\t" in lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]
        ):
            message = "a tab in the indentation: YAML allows spaces only; replace it by spaces"
        document.problems.append(FleetProblem(f"{where}:{line}", "", message))
        return document
    except yaml.YAMLError as error:
        message = " ".join(f"not valid YAML: {error}".split())
        document.problems.append(FleetProblem(f"{where}:1", "", message))
        return document
    except RecursionError:
        document.problems.append(FleetProblem(f"{where}:1", "", "nested too deeply to be a fleet file"))
        return document
    if node is None:
        document.problems.append(FleetProblem(f"{where}:1", "", "the file is empty; see the README for an example"))
        return document
    try:
        document.data = _Reader(document, where, len(text)).value(node, ())
    except (_TooMuchError, RecursionError):
        message = "aliases that contain or multiply each other; write the values out"
        return Document(problems=[FleetProblem(f"{where}:1", "", message)])
    return document


class _TooMuchError(Exception):
    pass


class _Reader:
    def __init__(self, document: Document, where: str, characters: int) -> None:
        self.document = document
        self.where = where
        self.count = 0
        self.most = _ALWAYS_ALLOWED_NODES + _MAX_NODES_PER_CHARACTER * characters

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.count += 1
        line = node.start_mark.line + 1
        self.document.lines.setdefault(path, line)
        if self.count > self.most:
            raise _TooMuchError
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, i)) for i, child in enumerate(node.value)]
        out: dict[str, Any] = {}
        for key_node, child in node.value:
            key = str(key_node.value)
            at = key_node.start_mark.line + 1
            if key in out:
                first = self.document.lines[(*path, key)]
                self.document.problems.append(
                    FleetProblem(f"{self.where}:{at}", key, f"given twice, first on line {first}; keep one")
                )
                continue
            self.document.lines[(*path, key)] = at
            out[key] = self.value(child, (*path, key))
        return out


def _scalar(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    # The C parser says "" and the Python one None for a plain scalar.
    if node.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
