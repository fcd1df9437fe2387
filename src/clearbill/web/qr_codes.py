"""QR codes as SVG of plain paths, without a style of their own, so that the content security policy stays strict."""

from __future__ import annotations

import qrcode
from django.utils.html import format_html
from django.utils.safestring import SafeString
from qrcode.constants import ERROR_CORRECT_M

MAX_TEXT = 1000


def qr_svg(text: str) -> SafeString:
    """An ``<svg>`` of ``text``; its size comes from the style sheet (class ``qr``)."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(text[:MAX_TEXT])
    code.make(fit=True)
    matrix = code.get_matrix()
    path = "".join(
        f"M{column} {row}h1v1h-1z" for row, cells in enumerate(matrix) for column, dark in enumerate(cells) if dark
    )
    size = len(matrix)
    return format_html(
        '<svg class="qr" viewBox="0 0 {} {}" role="img" aria-label="QR" shape-rendering="crispEdges">'
        '<rect width="{}" height="{}" fill="#fff"/><path d="{}" fill="#000"/></svg>',
        size,
        size,
        size,
        size,
        path,
    )
