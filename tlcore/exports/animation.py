"""A film as an animated GIF, or as MP4 where ffmpeg is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from tlcore.errors import InvalidRequest
from tlcore.exports.drawing import Drawing, natural_width
from tlcore.exports.shown import Film, Source, View, gather
from tlcore.plots.style import Palette

Written = tuple[bytes, tuple[str, ...]]
Pictures = Iterator[npt.NDArray[np.uint8]]

GIF_PICTURES = 96
GIF_MOST_BETWEEN = 4
GIF_WIDTHS = {1: 600, 2: 880, 3: 1080}
GIF_MOST_WIDTH = 1600
GIF_COLOURS = 128
GIF_SECONDS = 8.0
HOLD_SECONDS = 2.0
MP4_PICTURES = 480
MP4_MOST_BETWEEN = 12
MP4_MOST_WIDTH = 1920
MP4_RATE = 25
FFMPEG_SECONDS = 300


def has_ffmpeg() -> bool:
    """Whether MP4 can be written here."""
    return shutil.which("ffmpeg") is not None


def moments_of(film: Film, pictures: int, between: int) -> list[float]:
    """The moments to draw: as many between two frames as fit into that number of pictures, and at most `between`.

    A film with more frames than pictures leaves some out, never the first and the last.
    """
    last = len(film.moments) - 1
    if last == 0:
        return [0.0]
    if last >= pictures:
        return np.unique(np.linspace(0, last, pictures).round()).tolist()
    each = max(1, min(between, (pictures - 1) // last))
    return [step / each for step in range(last * each + 1)]


def pictures_of(drawing: Drawing, moments: Sequence[float]) -> Pictures:
    """The film at these moments as pixels (H, W, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(drawing.figure)
    shown, pixels = None, np.empty((0, 0, 3), np.uint8)
    for moment in moments:
        if moment != shown:  # the end of a film is held for a while
            drawing.show(moment)
            canvas.draw()
            shown, pixels = moment, np.asarray(canvas.buffer_rgba())[:, :, :3].copy()
        yield pixels


def gif(sources: Sequence[Source], view: View) -> Written:
    """The film as a GIF that repeats, in one palette for all pictures so that still ground stays still."""
    film = gather(sources, view)
    width = min(view.width or GIF_WIDTHS[len(film.runs)], GIF_MOST_WIDTH)
    moments = moments_of(film, GIF_PICTURES, GIF_MOST_BETWEEN)
    drawing = Drawing(film, view, width=width, timeline=True)
    palette = _palette([*pictures_of(drawing, [moments[0], moments[-1]])], drawing.palette)
    images = [
        Image.fromarray(pixels).quantize(palette=palette, dither=Image.Dither.NONE)
        for pixels in pictures_of(drawing, moments)
    ]
    # A GIF counts in hundredths of a second, and browsers slow down what is faster than fifty a second.
    pause = int(np.clip(round(100 * GIF_SECONDS / len(images)), 4, 20)) * 10
    pauses = [pause] * (len(images) - 1) + [int(1000 * HOLD_SECONDS)]
    buffer = io.BytesIO()
    images[0].save(
        buffer, "GIF", save_all=True, append_images=images[1:], duration=pauses, loop=0, optimize=False, disposal=1
    )
    return buffer.getvalue(), film.remarks()


def _palette(ends: Sequence[npt.NDArray[np.uint8]], house: Palette) -> Image.Image:
    """The colours of the first and the last picture, which are those of all, and among them the house's own.

    A thin line in a colour of its own covers few pixels: without a share for it, it would take another's.
    """
    names = (house.source, house.target, house.domain, house.ink, house.soft, house.wrong, house.correct, house.card)
    own = np.array([ImageColor.getrgb(colour) for colour in (*names, house.ground, *house.classes)], dtype=np.uint8)
    height, width = ends[0].shape[:2]
    shares = np.repeat(own, height * width // 100, axis=0)
    pixels = np.concatenate([*(end.reshape(-1, 3) for end in ends), shares])
    picture = Image.fromarray(pixels[: len(pixels) // width * width].reshape(-1, width, 3))
    return picture.quantize(GIF_COLOURS, dither=Image.Dither.NONE)


def mp4(sources: Sequence[Source], view: View) -> Written:
    """The film as MP4 (H.264, which every browser and every slide program plays).

    Raises:
        InvalidRequest: ffmpeg is not installed or cannot write the film; or as `gather`.
    """
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise InvalidRequest("MP4 needs the program ffmpeg, which is not installed here; GIF and HTML do without it.")
    film = gather(sources, view)
    width = min(view.width or natural_width(len(film.runs)), MP4_MOST_WIDTH)
    drawing = Drawing(film, view, width=width, timeline=True)
    moments = moments_of(film, MP4_PICTURES, MP4_MOST_BETWEEN)
    moments += [moments[-1]] * int(HOLD_SECONDS * MP4_RATE)
    return encode(ffmpeg, pictures_of(drawing, moments), MP4_RATE), film.remarks()


def encode(ffmpeg: str, pictures: Pictures, rate: int, seconds: float = FFMPEG_SECONDS) -> bytes:
    """Pictures of one even size as the bytes of an MP4 file.

    Raises:
        InvalidRequest: ffmpeg fails, with the last thing it said, or takes longer than `seconds`.
    """
    first = next(pictures)
    height, width = first.shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        output, complaints = Path(folder) / "film.mp4", Path(folder) / "complaints.txt"
        command = [
            ffmpeg, "-hide_banner", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-s", f"{width}x{height}", "-r", str(rate), "-i", "pipe:0", "-an", "-c:v", "libx264", "-crf", "20",
            "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(output),
        ]  # fmt: skip
        with complaints.open("wb") as errors:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
            watch = threading.Timer(seconds, process.kill)
            watch.start()
            try:
                assert process.stdin is not None
                try:
                    process.stdin.write(first.tobytes())
                    for picture in pictures:
                        process.stdin.write(picture.tobytes())
                    process.stdin.close()
                except BrokenPipeError:
                    pass  # it has ended early: its status and its words say why
                status = process.wait()
            finally:
                watch.cancel()
                if process.poll() is None:
                    process.kill()
                    process.wait()
        if status != 0 or not output.is_file():
            said = complaints.read_text(errors="replace").strip().splitlines()
            reason = said[-1][:200] if said else f"it ended with status {status}"
            raise InvalidRequest(f"ffmpeg could not write the film: {reason}")
        return output.read_bytes()
