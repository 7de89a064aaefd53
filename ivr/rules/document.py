"""YAML as people write it: every value a text, the line of every field, nothing resolved.

YAML's own types would turn the called number 061123 into 25171 (octal, YAML 1.1) and `no` into
false; here values stay texts, in one form of Persian letters, and the schema says what they mean.
"""

from dataclasses import dataclass, field
from pathlib import Path

import yaml
from yaml.composer import Composer

from ivr.errors import RulesError
from ivr.rules.findings import FieldPath, Problem
from ivr.text import clean

MAX_BYTES = 1_000_000
_NULL_TAG = "tag:yaml.org,2002:null"

Plain = dict[str, "Plain"] | list["Plain"] | str | None


@dataclass(slots=True)
class Document:
    """A file's values, the line (from 1) of each field, and what already the reading showed."""

    data: Plain = None
    lines: dict[FieldPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_text(path: Path) -> str:
    """A file's text; raises RulesError where it cannot be read as UTF-8."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RulesError(
            f"{path}: cannot be read ({error.strerror}). Check the name and the rights."
        ) from error
    if len(raw) > MAX_BYTES:
        raise RulesError(f"{path}: larger than {MAX_BYTES} bytes. Give one province a file.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RulesError(f"{path}:{line}: file: not UTF-8. Save the file as UTF-8.") from error


def parse(text: str) -> Document:
    """The document in `text`; mistakes of YAML are among its problems, never raised."""
    document = Document()
    try:
        node = _compose(text)
        if node is None:
            document.problems.append(_unreadable("the file is empty", 1))
        else:
            document.data = _Builder(document).build(node, ())
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.problems.append(
            _unreadable(f"a character that YAML forbids: {error.reason}", line)
        )
    except yaml.MarkedYAMLError as error:
        document.problems.append(_from_yaml(error))
    except RecursionError:
        document.problems.append(_unreadable("lists or tables nested without end", 1))
    return document


class _FastLoader(Composer, yaml.CSafeLoader):
    """libyaml reads, PyYAML composes: thirty times faster than PyYAML alone (measured).

    Composing in C as well would crash the process where tables are nested without end.
    """

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)


def _compose(text: str) -> yaml.Node | None:
    """As `yaml.compose`; of a mistake PyYAML's own words tell people more than libyaml's."""
    try:
        return _FastLoader(text).get_single_node()
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


class _Builder:
    """Nodes to plain values; a node met twice is an alias, which could be endless."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._seen: set[int] = set()

    def build(self, node: yaml.Node, path: FieldPath) -> Plain:
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self._seen:
            message = "an alias (*) is not understood here. Write the value out."
            self._document.problems.append(Problem(path=path, message=message))
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._table(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return None if node.tag == _NULL_TAG else clean(str(node.value))

    def _table(self, node: yaml.MappingNode, path: FieldPath) -> Plain:
        table: dict[str, Plain] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                message = "a list or table stands where a name should. Name the field."
                self._add((*path, "?"), key_node, message)
                continue
            key = clean(str(key_node.value))
            if key in table:
                first = self._document.lines[(*path, key)]
                message = f"written twice, first in line {first}; only one can count. Remove one."
                self._add((*path, key), key_node, message)
                continue
            self._document.lines[(*path, key)] = key_node.start_mark.line + 1
            table[key] = self.build(value_node, (*path, key))
        return table

    def _add(self, path: FieldPath, node: yaml.Node, message: str) -> None:
        line = node.start_mark.line + 1
        self._document.problems.append(Problem(path=path, message=message, line=line))


def _from_yaml(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    what = f"not YAML: {error.problem}"
    if error.context and error.context_mark:
        what += f" ({error.context} from line {error.context_mark.line + 1})"
    return _unreadable(what, mark.line + 1 if mark else 1)


def _unreadable(what: str, line: int) -> Problem:
    message = f"{what}. Nothing of the file can be used. Check indents, quotes and colons here."
    return Problem(path=(), message=message, line=line)
