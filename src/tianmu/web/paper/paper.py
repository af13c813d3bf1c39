"""The city's paper: A4 with its letterhead, in PDF, with tables, pictures and Chinese.

Text is set in Helvetica and, where that has no such letter, in the face of the pages
(``faces``); or all in a TrueType font of the pack.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image, ImageOps, UnidentifiedImageError
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    LongTable,
    PageTemplate,
    Spacer,
    TableStyle,
)
from reportlab.platypus import (
    Image as Picture,
)

from tianmu.web.paper import faces
from tianmu.web.paper.lines import Text

MARGIN = 18 * mm
WIDTH = A4[0] - 2 * MARGIN
INK, FAINT, LINE = (
    colors.HexColor("#1a1d21"),
    colors.HexColor("#5d656e"),
    colors.HexColor("#b8bec5"),
)
PIXELS = 40_000_000
"""a picture with more is not opened"""
LONG_SIDE = 1400
"""pixels that a picture keeps"""


class NoPicture(ValueError):
    """The bytes are no picture that can be put on paper."""


@dataclass(frozen=True)
class Head:
    """What stands at head and foot."""

    issuer: str
    title: str
    lines: tuple[str, ...] = ()
    running: str = ""
    """at the head of the second page and those after it"""
    foot: tuple[str, ...] = ()
    logo: Path | None = None
    font: Path | None = None
    pages: Path | None = None
    """the folder of the built pages, whose face has the city's letters"""
    page: Callable[[int, int], str] = lambda page, pages: f"{page} / {pages}"


@dataclass
class Paper:
    """A document in the making: add to it, then ``made()``."""

    head: Head
    story: list[Flowable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._face = faces.own(self.head.font) if self.head.font else ""
        self._plain = self._style("plain", 9, 13)
        self._small = self._style("small", 7.5, 10.5, textColor=FAINT)
        self._cell = self._style("cell", 8, 11)
        self._heading = self._style("heading", 11, 15, spaceBefore=10, spaceAfter=4)
        self._title = self._style("title", 15, 20, spaceAfter=6)

    def _style(self, name: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
        made = {"textColor": INK, **more}
        face = self._face or faces.LATIN
        return ParagraphStyle(
            name, fontName=face, fontSize=size, leading=leading, wordWrap="CJK", **made
        )

    def _marked(self, text: str, bold: bool = False) -> str:
        """Text as ReportLab's markup, each run in a face that has its letters."""
        text = "".join(letter for letter in text if letter == "\n" or letter.isprintable())
        if self._face:
            return escape(text).replace("\n", "<br/>")
        return "".join(
            f'<font name="{face}">{escape(run)}</font>'.replace("\n", "<br/>")
            for face, run in faces.runs(text, self.head.pages, bold=bold)
        )

    def title(self, text: str) -> None:
        self.story.append(Text(self._marked(text, bold=True), self._title))

    def heading(self, text: str) -> None:
        """Never the last line of a page: a table's head and its first row find room under it."""
        self.story.append(CondPageBreak(30 * mm))
        self.story.append(Text(self._marked(text, bold=True), self._heading))

    def text(self, text: str, *, small: bool = False) -> None:
        style = self._small if small else self._plain
        self.story.append(Text(self._marked(text), style))

    def pairs(self, rows: Iterable[tuple[str, str]]) -> None:
        """Names and values, two to a line."""
        cells: list[list[Any]] = [
            [Text(self._marked(name), self._small), Text(self._marked(value), self._cell)]
            for name, value in rows
        ]
        if len(cells) % 2:
            cells.append(["", ""])
        grid = [cells[i] + cells[i + 1] for i in range(0, len(cells), 2)]
        widths = [20 * mm, WIDTH / 2 - 20 * mm] * 2
        self._table(grid, widths, [("LINEBELOW", (0, 0), (-1, -1), 0.25, LINE)])

    def table(
        self, names: Sequence[str], rows: Iterable[Sequence[str]], shares: Sequence[float]
    ) -> None:
        """A table with a head that each page repeats; ``shares`` of the width."""
        grid: list[list[Any]] = [[Text(self._marked(one, bold=True), self._small) for one in names]]
        grid += [[Text(self._marked(one), self._cell) for one in row] for row in rows]
        whole = sum(shares)
        self._table(
            grid,
            [WIDTH * share / whole for share in shares],
            [
                ("LINEBELOW", (0, 0), (-1, 0), 0.75, INK),
                ("LINEBELOW", (0, 1), (-1, -1), 0.25, LINE),
            ],
            repeat=1,
        )

    def _table(
        self, grid: list[list[Any]], widths: list[float], lines: list[Any], repeat: int = 0
    ) -> None:
        table = LongTable(grid, colWidths=widths, repeatRows=repeat, splitInRow=1)
        table.setStyle(
            TableStyle(
                [
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 6),
                    ("TOPPADDING", (0, 0), (-1, -1), 2),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
                    *lines,
                ]
            )
        )
        self.story += [table, Spacer(0, 4)]

    def picture(self, content: bytes, under: str) -> None:
        """A picture with its caption. Raises ``NoPicture``."""
        data, width, height = shrunk(content)
        scale = min(WIDTH * 0.72 / width, 95 * mm / height)
        shown = Picture(io.BytesIO(data), width * scale, height * scale, hAlign="LEFT")
        caption = Text(self._marked(under), self._small)
        self.story += [KeepTogether([shown, caption]), Spacer(0, 8)]

    def made(self) -> bytes:
        """The PDF."""
        out = io.BytesIO()
        first, rest = 30 * mm + 4 * mm * len(self.head.lines), 24 * mm
        document = BaseDocTemplate(
            out, pagesize=A4, title=self.head.title, author=self.head.issuer, creator="Tianmu"
        )
        foot = 20 * mm
        document.addPageTemplates(
            [
                PageTemplate(
                    name,
                    [Frame(MARGIN, foot, WIDTH, A4[1] - top - foot, 0, 0, 0, 0)],
                    onPage=draw,
                    autoNextPageTemplate="rest",
                )
                for name, top, draw in (("first", first, self._first), ("rest", rest, self._rest))
            ]
        )
        document.build(self.story, canvasmaker=self._numbered())
        return out.getvalue()

    def _draw(
        self, canvas: Canvas, x: float, y: float, text: str, size: float, *, right: bool = False
    ) -> None:
        """A line from ``x`` to the right margin, at its left or right end."""
        style = ParagraphStyle(
            "line", fontName=self._face or faces.LATIN, fontSize=size, leading=size * 1.2
        )
        style.textColor = INK if size > 8 else FAINT
        if right:
            style.alignment = TA_RIGHT
        line = Text(self._marked(text, bold=size > 12), style)
        line.wrapOn(canvas, A4[0] - MARGIN - x, 100)
        line.drawOn(canvas, x, y)

    def _first(self, canvas: Canvas, _: Any) -> None:
        left, top = MARGIN, A4[1] - 18 * mm
        if self.head.logo is not None:
            data, width, height = shrunk(self.head.logo.read_bytes())
            wide = 12 * mm * width / height
            canvas.drawImage(ImageReader(io.BytesIO(data)), left, top - 8 * mm, wide, 12 * mm)
            left += wide + 4 * mm
        self._draw(canvas, left, top - 3 * mm, self.head.issuer, 16)
        for row, text in enumerate(self.head.lines):
            self._draw(canvas, left, top - 8 * mm - 4 * mm * row, text, 8)
        bottom = top - 7 * mm - 4 * mm * len(self.head.lines)
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(1.2)
        canvas.line(MARGIN, bottom, A4[0] - MARGIN, bottom)
        self._foot(canvas)

    def _rest(self, canvas: Canvas, _: Any) -> None:
        top = A4[1] - 17 * mm
        self._draw(canvas, MARGIN, top, self.head.running, 8)
        canvas.setStrokeColor(LINE)
        canvas.setLineWidth(0.5)
        canvas.line(MARGIN, top - 1.5 * mm, A4[0] - MARGIN, top - 1.5 * mm)
        self._foot(canvas)

    def _foot(self, canvas: Canvas) -> None:
        for row, text in enumerate(self.head.foot):
            self._draw(canvas, MARGIN, 12 * mm - 3.5 * mm * row, text, 7)

    def _numbered(self) -> type[Canvas]:
        """A canvas that knows how many pages there are once all are drawn."""
        paper = self

        class Numbered(Canvas):
            def __init__(self, *given: Any, **named: Any) -> None:
                super().__init__(*given, **named)
                self._pages: list[dict[str, Any]] = []

            def showPage(self) -> None:  # noqa: N802 - ReportLab's name
                self._pages.append(dict(self.__dict__))
                self._startPage()

            def save(self) -> None:
                for number, page in enumerate(self._pages, 1):
                    self.__dict__.update(page)
                    words = paper.head.page(number, len(self._pages))
                    paper._draw(self, A4[0] / 2, 15.5 * mm, words, 7, right=True)
                    super().showPage()
                super().save()

        return Numbered


def shrunk(content: bytes) -> tuple[bytes, int, int]:
    """A picture upright, as JPEG, no larger than paper shows; its width and height. Raises
    ``NoPicture``."""
    try:
        with Image.open(io.BytesIO(content)) as opened:
            if opened.width * opened.height > PIXELS:
                raise NoPicture(f"{opened.width} x {opened.height} pixels")
            opened.draft("RGB", (LONG_SIDE, LONG_SIDE))
            upright = ImageOps.exif_transpose(opened)
            upright.thumbnail((LONG_SIDE, LONG_SIDE))
            ground = Image.new("RGB", upright.size, "white")
            clear = upright.convert("RGBA")
            ground.paste(clear, mask=clear.getchannel("A"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise NoPicture(str(error)) from error
    except Image.DecompressionBombError as error:
        raise NoPicture(str(error)) from error
    out = io.BytesIO()
    ground.save(out, "JPEG", quality=82)
    return out.getvalue(), ground.width, ground.height
