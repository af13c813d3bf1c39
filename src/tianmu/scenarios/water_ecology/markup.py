"""Tables as the monitoring centre's page holds them: figures within tags whose tip tells them more
finely, heads broken by tags."""

from __future__ import annotations

import html
import re

import pyarrow as pa
import pyarrow.compute as pc

_TAG = r"(?i)</?(?:span|br|div|p|a|font|sub|sup)\b[^<>]*>"
"""what such pages use: a name may hold other signs, and a sign before a figure is no tag (<0.01)"""


def bare(table: pa.Table) -> pa.Table:
    """``table`` without tags in heads and texts; what stands between them is what is shown."""
    for at, field in enumerate(table.schema):
        head = html.unescape(re.sub(_TAG, "", field.name)).strip()
        cells = table.column(at)
        if _is_text(field.type) and pc.any(pc.match_substring(cells, ">")).as_py():
            cells = pc.replace_substring_regex(cells, _TAG, "")
            for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&")):
                cells = pc.replace_substring(cells, entity, sign)
        if head != field.name or cells is not table.column(at):
            table = table.set_column(at, head, cells)
    return table


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
