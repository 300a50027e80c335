"""Draw the first five minutes on a terminal: docs/images/first-*.svg.

::

    python docs/terminal.py

The commands run on a pseudo-terminal, on SQLite in a scratch folder, and the final screen is drawn.
Times differ from run to run, so no test compares the pictures.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from tempfile import TemporaryDirectory
from termios import TIOCSWINSZ
from xml.sax.saxutils import escape

DOCS = Path(__file__).resolve().parent
COLUMNS, ROWS = 120, 60
# What is answered to a question that ends so.
ANSWERS = {"Go on? [y/N]: ": "y"}
SCREENS = {
    "first-plan": ("alembic upgrade head", "terp-seed plan"),
    "first-seed": ("terp-seed seed", "terp-seed verify | tail -1"),
    "first-status": ("terp-seed status --drift", "terp-seed history"),
    "first-rollback": ("terp-seed rollback --table=orders", "alembic -n seed current"),
}
_ESCAPE = re.compile(r"\x1b\[([\d;?]*)([A-Za-z])")
_COLOURS = {
    31: "#e03131",
    32: "#2f9e44",
    33: "#e8590c",
    34: "#1971c2",
    35: "#9c36b5",
    36: "#0c8599",
}
_PLAIN, _DIM = "#212529", "#868e96"
_WIDTH, _HEIGHT = 7.85, 18

Cell = tuple[str, str, bool]


class Screen:
    """As much of a terminal as these commands use: lines, colours, and going over a line again."""

    def __init__(self) -> None:
        self.lines: list[list[Cell]] = [[]]
        self._column, self._colour, self._bold = 0, _PLAIN, False

    def write(self, text: str) -> None:
        """Print text, with the escapes in it."""
        at = 0
        for found in _ESCAPE.finditer(text):
            self._print(text[at : found.start()])
            self._obey(found[1], found[2])
            at = found.end()
        self._print(text[at:])

    def _print(self, text: str) -> None:
        for character in text:
            if character == "\r":
                self._column = 0
            elif character == "\n":
                self.lines.append([])
                self._column = 0
            else:
                self._put(character)

    def _put(self, character: str) -> None:
        if self._column == COLUMNS:
            self._print("\n")
        line = self.lines[-1]
        line += [(" ", _PLAIN, False)] * (self._column + 1 - len(line))
        line[self._column] = (character, self._colour, self._bold)
        self._column += 1

    def _obey(self, arguments: str, command: str) -> None:
        if command == "K":
            del self.lines[-1][self._column if arguments in ("", "0") else 0 :]
        for number in [int(each or 0) for each in arguments.split(";")] if command == "m" else ():
            if number == 0:
                self._colour, self._bold = _PLAIN, False
            self._bold = self._bold or number == 1
            self._colour = _COLOURS.get(number, _DIM if number in (2, 90) else self._colour)


def on_a_terminal(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a command on a pseudo-terminal, answer its questions, return what it printed."""
    master, slave = pty.openpty()
    ioctl(slave, TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(  # noqa: S603 - the commands above
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    printed = b""
    for data in _read(master):
        printed += data
        for question, answer in ANSWERS.items():
            if printed.endswith(question.encode()):
                os.write(master, f"{answer}\n".encode())
    os.close(master)
    if process.wait():
        raise SystemExit(f"{command}: {printed.decode(errors='replace')}")
    return printed.decode().replace("\r\n", "\n")


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            return
        if not data:
            return
        yield data


def drawn(lines: list[list[Cell]]) -> str:
    """The screen as SVG: a run of one colour is one text."""
    while lines and not lines[-1]:
        lines = lines[:-1]
    width, height = COLUMNS * _WIDTH + 32, len(lines) * _HEIGHT + 56
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" '
        'font-family="ui-monospace, \'DejaVu Sans Mono\', Menlo, monospace" font-size="13">',
        f'<rect width="{width:g}" height="{height}" rx="10" fill="#f8f9fa" stroke="#ced4da"/>',
        *(
            f'<circle cx="{20 + 18 * at}" cy="18" r="5" fill="{fill}"/>'
            for at, fill in enumerate(("#fa5252", "#fab005", "#40c057"))
        ),
    ]
    for number, line in enumerate(lines):
        parts += _line(line, 46 + number * _HEIGHT)
    return "\n".join([*parts, "</svg>\n"])


def _line(cells: list[Cell], y: int) -> Iterator[str]:
    at = 0
    while at < len(cells):
        end = at
        while end < len(cells) and cells[end][1:] == cells[at][1:]:
            end += 1
        text = "".join(cell[0] for cell in cells[at:end])
        if text.strip():
            weight = ' font-weight="bold"' if cells[at][2] else ""
            yield (
                f'<text x="{16 + at * _WIDTH:g}" y="{y}" fill="{cells[at][1]}"{weight} '
                f'textLength="{len(text) * _WIDTH:g}" xml:space="preserve">{escape(text)}</text>'
            )
        at = end


def main(target: Path) -> None:
    """Go through the first five minutes in an empty folder; draw each screen into `target`."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TERP_SEED_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "TERM": "xterm-256color",
    }
    environment.pop("NO_COLOR", None)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("seeds", "seed_revisions"):
            shutil.copytree(DOCS.parent / name, folder / name)
        shutil.copy(DOCS.parent / "alembic.ini", folder)
        for picture, commands in SCREENS.items():
            screen = Screen()
            for command in commands:
                screen.write(f"\x1b[34m$\x1b[0m \x1b[1m{command}\x1b[0m\n")
                screen.write(on_a_terminal(command, folder, environment))
                screen.write("\n" if screen.lines[-1] else "")
            (target / f"{picture}.svg").write_text(drawn(screen.lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "images")
