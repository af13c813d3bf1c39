"""What a PDF of ReportLab's says, line by line."""

from __future__ import annotations

import base64
import re
import zlib

PIECES = re.compile(rb"/(F\d+) [\d.]+ Tf|\(((?:[^()\\]|\\.)*)\) Tj|(T\*|\bET\b)", re.DOTALL)


def lines_of(pdf: bytes) -> list[str]:
    """Its lines, set in Helvetica (one byte a letter) and the song face (two)."""
    lines = [""]
    for raw in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            page = zlib.decompress(base64.a85decode(raw.strip().removesuffix(b"~>")))
        except (ValueError, zlib.error):
            continue  # a picture
        face = b""
        for name, literal, end in PIECES.findall(page):
            if name:
                face = name
            elif end:
                lines.append("")
            else:
                wide = re.search(rb"/Name /" + face + rb"\s*/Subtype /Type0", pdf) is not None
                lines[-1] += _plain(literal).decode("utf-16-be" if wide else "cp1252")
    return [line for line in lines if line]


def text_of(pdf: bytes) -> str:
    return "".join(lines_of(pdf))


def _plain(literal: bytes) -> bytes:
    return re.sub(
        rb"\\([0-7]{1,3}|.)",
        lambda m: bytes([int(m[1], 8)]) if m[1].isdigit() else m[1],
        literal,
        flags=re.DOTALL,
    )
