"""The pages of the documentation, as the tests of the documentation see them.

Conventions, in README.md, CONTRIBUTING.md, docs, examples and changelog.d:

- a ``console`` block has commands after ``$`` and, below each, lines of its output; a line
  that ends in a backslash goes on. ``# exits N`` after a command is its exit code.
- ``<!-- file: NAME -->`` before a block: the block is the text of that file.
- ``<!-- skip: REASON -->`` before a block: it is not run.
- ``<!-- needs: two cores and numba -->`` before a block: it is run where both are there.
  A ``python`` block is run with this mark only; of all others the imports are checked.
- a block with the words ``yaml workload`` is a workload that must load.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

_FENCE = re.compile(r"(`{3,})(.*)")
_DIRECTIVE = re.compile(r"<!-- (skip|file|needs): (.+) -->")
_EXIT_CODE = re.compile(r"\s+# exits (\d+)$")
_HEADING = re.compile(r"#{1,6} (.+)")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its words, its text, and what stands before it."""

    words: str
    text: str
    line: int
    file: str = ""
    skip: str = ""
    needs: str = ""

    @property
    def is_run(self) -> bool:
        """Whether its commands are to be run."""
        return self.words.split()[:1] in (["console"], ["bash"]) and not self.skip

    def commands(self) -> Iterator[Command]:
        """Yield the commands with the lines that are shown of their output."""
        current: list[str] = []
        shown: list[str] = []
        for line in self.text.replace("\\\n", "").splitlines():
            if line.startswith("$ "):
                if current:
                    yield _command(current[0], shown)
                current, shown = [line[2:]], []
            elif line.strip() not in ("", "…"):
                assert current, f"line {self.line}: output before the first command"
                shown.append(line.rstrip())
        if current:
            yield _command(current[0], shown)


@dataclass(frozen=True)
class Command:
    """One command line, its exit code, and what it must print."""

    words: str
    exit_code: int
    shown: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path in the repository."""
        return self.path.relative_to(REPOSITORY).as_posix()

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    def blocks(self) -> list[Block]:
        """Return the fenced blocks in order."""
        return [block for block, _ in self._parts() if block is not None]

    def prose(self) -> str:
        """Return the text without fenced blocks."""
        return "\n".join(line for block, line in self._parts() if block is None)

    def links(self) -> list[str]:
        """Return the targets of links and pictures, without those to other sites."""
        without_code = _CODE.sub("", self.prose())
        return [link for link in _LINK.findall(without_code) if "://" not in link]

    def code_words(self) -> list[str]:
        """Return what stands between single backquotes."""
        return _CODE.findall(self.prose())

    def anchors(self) -> set[str]:
        """Return the anchors of its headings, as code hosts and MyST make them."""
        found = (_HEADING.fullmatch(line.strip()) for line in self.prose().splitlines())
        return {_slug(match[1]) for match in found if match}

    def _parts(self) -> Iterator[tuple[Block | None, str]]:
        """Yield blocks, and lines outside of them."""
        marks: dict[str, str] = {}
        opened: tuple[str, str, int] | None = None
        inside: list[str] = []
        for number, line in enumerate(self.text.splitlines(), start=1):
            fence = _FENCE.match(line)
            if opened is None and fence:
                opened, inside = (fence[1], fence[2].strip(), number), []
            elif opened is not None and line.strip() == opened[0]:
                yield Block(opened[1], "\n".join(inside) + "\n", opened[2], **marks), ""
                opened, marks = None, {}
            elif opened is not None:
                inside.append(line)
            else:
                directive = _DIRECTIVE.fullmatch(line.strip())
                if directive:
                    marks[directive[1]] = directive[2]
                yield None, line
        assert opened is None, f"{self.name}: the block of line {opened} is never closed"


def pages() -> list[Page]:
    """Return every page of the documentation."""
    paths = [
        REPOSITORY / "README.md",
        REPOSITORY / "CONTRIBUTING.md",
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "examples").rglob("*.md"),
        *(REPOSITORY / "changelog.d").rglob("*.md"),
    ]
    return [Page(path) for path in sorted(paths) if "_build" not in path.parts]


def page(name: str) -> Page:
    """Return one page by its path in the repository."""
    return Page(REPOSITORY / name)


def _command(line: str, shown: list[str]) -> Command:
    code = _EXIT_CODE.search(line)
    words = line[: code.start()] if code else line
    return Command(words, int(code[1]) if code else 0, tuple(shown))


def _slug(heading: str) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
