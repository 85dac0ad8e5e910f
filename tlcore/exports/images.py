"""One moment of a film as a picture: PNG for slides and pages, SVG for print and for changing it afterwards."""

from __future__ import annotations

import io
from collections.abc import Sequence

from tlcore.exports.drawing import Drawing, natural_width
from tlcore.exports.shown import Source, View, gather

Written = tuple[bytes, tuple[str, ...]]
SHARPNESS = 2  # pixels for each point of the layout, as on a screen of today


def png(sources: Sequence[Source], view: View) -> Written:
    """The moment as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    film = gather(sources, view)
    drawing = Drawing(film, view, width=view.width or SHARPNESS * natural_width(len(film.runs)))
    drawing.show_step(view.step)
    buffer = io.BytesIO()
    FigureCanvasAgg(drawing.figure).print_png(buffer, metadata={"Title": film.title})
    return buffer.getvalue(), film.remarks()


def svg(sources: Sequence[Source], view: View) -> Written:
    """The moment as SVG, its words as text."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    film = gather(sources, view)
    drawing = Drawing(film, view, width=view.width or natural_width(len(film.runs)))
    drawing.show_step(view.step)
    buffer = io.BytesIO()
    # Without a fixed salt and date the same run would give another file each time.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lab"}):
        FigureCanvasSVG(drawing.figure).print_svg(buffer, metadata={"Date": None, "Title": film.title})
    return buffer.getvalue(), film.remarks()
