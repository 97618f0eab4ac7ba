# SPDX-License-Identifier: MIT
"""The pieces of an SVG file that the pictures need."""
from xml.sax.saxutils import escape

MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SANS = "system-ui, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"


def number(value):
    """As short as two decimals allow."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def element(name, content="", **attributes):
    """One element; class_ and font_size stand for class and font-size."""
    words = [name]
    for key, value in attributes.items():
        text = number(value) if isinstance(value, float) else str(value)
        words.append(f'{key.rstrip("_").replace("_", "-")}="{escape(text, {chr(34): "&quot;"})}"')
    start = " ".join(words)
    return f"<{start}>{content}</{name}>" if content else f"<{start}/>"


def rectangle(x, y, width, height, **attributes):
    return element("rect", x=float(x), y=float(y), width=float(width), height=float(height), **attributes)


def text(x, y, words, **attributes):
    return element("text", escape(words), x=float(x), y=float(y), **attributes)


def document(width, height, title, style, parts):
    """The whole file; `title` is for those who cannot see it."""
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" '
            f'width="{number(width)}" height="{number(height)}" role="img" xml:space="preserve">')
    return "\n".join([head, f"<title>{escape(title)}</title>", f"<style>{style}</style>", *parts, "</svg>", ""])
