"""Pictures and films show what the frames hold, in the colours of the house."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tlcore.errors import InvalidRequest
from tlcore.exports import View, animation, content_of, make
from tlcore.exports.drawing import Drawing, point_colours
from tlcore.exports.shown import gather
from tlcore.exports.surfaces import class_field
from tlcore.plots.style import DARK, LIGHT
from tlcore.runs import Surface

NAMESPACE = "{http://www.w3.org/2000/svg}"


def words_of(svg: bytes) -> list[str]:
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter(f"{NAMESPACE}text")]


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def test_svg_says_what_is_to_be_seen(pair):
    words = words_of(content_of(pair, "svg", View(step=10)))
    for expected in ("Source only", "DANN", "source", "target", "step 10 / 20"):
        assert expected in words
    assert words.count("target accuracy 0.60") == 2
    assert any("UMAP of features · 24 held-out pictures · seed 0 · 2 CPU cores" in word for word in words)


def test_the_same_run_gives_the_same_file(pair):
    for kind in ("svg", "png", "html", "gif"):
        assert content_of(pair, kind) == content_of(pair, kind)


def test_a_step_between_two_frames_shows_the_nearest(recorded):
    source = recorded()
    assert "step 10 / 20" in words_of(content_of([source], "svg", View(step=12)))
    assert "step 20 / 20" in words_of(content_of([source], "svg", View(step=16)))


@pytest.mark.parametrize(("theme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_png_is_in_the_theme_and_as_wide_as_wanted(theme, palette, pair):
    picture = Image.open(io.BytesIO(content_of(pair, "png", View(theme=theme, width=900)))).convert("RGB")
    assert picture.width == 900 and picture.height % 2 == 0
    assert picture.getpixel((2, 2)) == rgb(palette.ground)
    assert rgb(palette.card) in {colour for _, colour in picture.getcolors(1 << 20)}


def test_labels_are_text_and_nothing_else(recorded):
    names = ("<script>alert(1)</script>", "$\\frac{1}{2}$ & co", "a\nb")
    words = words_of(content_of([recorded(names=names)], "svg", View(colour_by="class")))
    assert "<script>alert(1)</script>" in words and "$\\frac{1}{2}$ & co" in words and "a b" in words
    assert content_of([recorded(names=names)], "png", View(colour_by="class")).startswith(b"\x89PNG")


def test_two_hundred_classes_keep_the_legend_short(recorded):
    names = tuple(f"class {number}" for number in range(200))
    words = words_of(content_of([recorded(names=names)], "svg", View(colour_by="class")))
    assert "class 23" in words and "class 24" not in words and "and 176 more" in words


def test_colours_mean_what_the_player_means(recorded):
    film = gather([recorded()], View())
    frame, probe = film.runs[0].frames[0], film.probe
    faces, _, crossed = point_colours(film, frame, View(), LIGHT)
    assert np.allclose(faces[0, :3] * 255, rgb(LIGHT.source)) and np.allclose(faces[1, :3] * 255, rgb(LIGHT.target))
    assert not crossed.any()
    faces, edges, crossed = point_colours(film, frame, View(colour_by="class"), LIGHT)
    assert np.allclose(edges[2, :3] * 255, rgb(LIGHT.classes[2]))
    assert (faces[probe.domains == 1, 3] == 0).all() and (faces[probe.domains == 0, 3] > 0).all()
    _, edges, crossed = point_colours(film, frame, View(colour_by="correctness"), DARK)
    assert np.array_equal(crossed, frame.predictions != probe.labels) and crossed.sum() == 20
    assert np.allclose(edges[~crossed][:, :3] * 255, rgb(DARK.correct))


def test_points_glide_between_frames_and_the_axes_stand_still(recorded):
    film = gather([recorded(projections=("pca",))], View())
    drawing = Drawing(film, View(), width=600)
    panel, order = drawing._panels[0], drawing._random
    seen, limits = [], set()
    for moment in (0, 0.5, 1):
        drawing.show(moment)
        places = np.empty((24, 2))
        places[order] = panel._dots.get_offsets()
        seen.append(places)
        limits.add((*panel.axes.get_xlim(), *panel.axes.get_ylim()))
    frames = film.runs[0].frames
    assert np.allclose(seen[0], frames[0].points) and np.allclose(seen[2], frames[1].points)
    assert np.allclose(seen[1], (frames[0].points + frames[1].points) / 2)
    ((low_x, high_x, low_y, high_y),) = limits
    every = np.concatenate([frame.points for frame in frames])
    assert low_x < every[:, 0].min() and every[:, 0].max() < high_x
    assert low_y < every[:, 1].min() and every[:, 1].max() < high_y


def test_a_film_in_space_is_shown_turned(recorded):
    made = make([recorded(projections=("pca-3d",))], "svg")
    assert any("PCA 3-D of features" in words for words in words_of(made.content))


def test_gif_plays_the_whole_film_and_stops_at_its_end(pair):
    film = Image.open(io.BytesIO(content_of(pair, "gif", View(width=480))))
    assert film.n_frames == 2 * animation.GIF_MOST_BETWEEN + 1 and film.info["loop"] == 0 and film.width == 480
    pauses, pictures = [], []
    for index in range(film.n_frames):
        film.seek(index)
        pauses.append(film.info["duration"])
        pictures.append(np.asarray(film.convert("RGB"), dtype=int))
    assert pauses[-1] == 2000 and len(set(pauses[:-1])) == 1
    assert all((pictures[index] != pictures[index + 1]).any() for index in range(len(pictures) - 1))
    ground = np.array(rgb(LIGHT.ground))
    assert np.abs(pictures[0][2, 2] - ground).max() <= 4 and np.abs(pictures[-1][2, 2] - ground).max() <= 4


def test_one_frame_is_a_film_of_one_picture(recorded):
    source = recorded(steps=(0,))
    assert Image.open(io.BytesIO(content_of([source], "gif"))).n_frames == 1
    assert content_of([source], "png").startswith(b"\x89PNG")
    assert b"data-projection" in content_of([source], "html")


@pytest.mark.parametrize(("frames", "pictures"), [(1, 1), (3, 9), (61, 61), (40, 79), (300, 96)])
def test_a_long_film_stays_a_small_file(frames, pictures, recorded):
    film = gather([recorded(steps=tuple(range(frames)), projections=("pca",), features=False)], View())
    moments = animation.moments_of(film, animation.GIF_PICTURES, animation.GIF_MOST_BETWEEN)
    assert len(moments) == pictures and moments[0] == 0 and moments[-1] == frames - 1
    assert moments == sorted(moments)


def stand_in(folder: Path, body: str) -> Path:
    """A program called ffmpeg that is none."""
    path = folder / "ffmpeg"
    path.write_text(f"#!{sys.executable}\nimport sys, pathlib\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_mp4_hands_every_picture_to_ffmpeg(pair, tmp_path, monkeypatch):
    notes = tmp_path / "notes"
    stand_in(
        tmp_path,
        f"content = sys.stdin.buffer.read()\npathlib.Path({str(notes)!r}).write_text(' '.join(sys.argv[1:]))\n"
        "pathlib.Path(sys.argv[-1]).write_bytes(content)",
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    assert animation.has_ffmpeg()
    content = content_of(pair, "mp4", View(width=400, theme="dark"))
    command = notes.read_text()
    size = command.split("-s ")[1].split()[0]
    width, height = map(int, size.split("x"))
    assert width == 400 and height % 2 == 0
    for words in ("-f rawvideo", "-pix_fmt rgb24", "-r 25", "-i pipe:0", "-pix_fmt yuv420p", "libx264"):
        assert words in command
    pictures = np.frombuffer(content, np.uint8).reshape(-1, height, width, 3)
    moments = 2 * animation.MP4_MOST_BETWEEN + 1
    assert len(pictures) == moments + 2 * animation.MP4_RATE
    assert tuple(pictures[0, 2, 2]) == rgb(DARK.ground)
    assert (pictures[0] != pictures[moments - 1]).any() and (pictures[-1] == pictures[moments - 1]).all()


def test_without_ffmpeg_one_sentence_names_it(pair, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not animation.has_ffmpeg()
    with pytest.raises(InvalidRequest, match="MP4 needs the program ffmpeg, which is not installed here"):
        content_of(pair, "mp4")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit('Unknown encoder libx264')", "could not write the film: Unknown encoder libx264"),
        ("sys.stdin.buffer.read(); sys.exit(3)", "it ended with status 3"),
        ("sys.stdin.buffer.read()", "it ended with status 0"),
    ],
)
def test_an_ffmpeg_that_fails_is_quoted(body, words, recorded, tmp_path, monkeypatch):
    stand_in(tmp_path, body)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidRequest, match=words):
        content_of([recorded(steps=(0, 10))], "mp4", View(width=320))


def test_an_ffmpeg_that_hangs_is_ended(tmp_path):
    program = stand_in(tmp_path, "import time; sys.stdin.buffer.read(); time.sleep(600)")
    pictures = iter(np.zeros((2, 4, 4, 3), np.uint8))
    with pytest.raises(InvalidRequest, match="ended with status -9"):
        animation.encode(str(program), pictures, 25, seconds=1.0)


@pytest.mark.skipif(not animation.has_ffmpeg(), reason="ffmpeg is not installed")
def test_mp4_by_the_real_ffmpeg(recorded):
    assert content_of([recorded()], "mp4", View(width=320))[4:8] == b"ftyp"


@pytest.fixture
def plane(recorded):
    """A run whose points lie in the plane themselves, over a class that turns round and a domain that stays."""
    source = recorded(projections=("input",))
    across = np.tile(np.linspace(0, 1, 9, dtype=np.float32), (7, 1))
    for step, values in ((0, across), (20, 1 - across)):
        for name, function in (("class", values), ("domain", across)):
            source.store.record_surface(source.run.id, Surface(step, name, (-1.0, 7.0, -1.0, 9.0), function))
    return source


def test_the_field_has_the_colour_of_the_likelier_class():
    field = class_field(np.array([[0.0, 0.45, 0.5, 1.0, np.nan]], np.float32), LIGHT)
    assert np.allclose(field[0, :2, :3] * 255, [rgb(LIGHT.classes[0])] * 2)
    assert np.allclose(field[0, 3, :3] * 255, rgb(LIGHT.classes[1]))
    assert field[0, 0, 3] == field[0, 3, 3] > field[0, 1, 3] > field[0, 2, 3] == field[0, 4, 3] == 0


def test_surfaces_lie_beneath_their_points_and_change_with_them(plane):
    drawing = Drawing(gather([plane], View()), View(), width=600)
    panel = drawing._panels[0]
    assert panel.axes.get_xlim()[0] < -1 and panel.axes.get_ylim()[1] > 9
    left = []
    for moment in (0, 1.5, 2):
        drawing.show(moment)
        left.append(panel._field._image.get_array()[3, 0])
        assert len(panel._field._lines) == (1 if moment == 1.5 else 2)  # halfway the class is one half everywhere
    assert np.allclose(left[0][:3] * 255, rgb(LIGHT.classes[0]), atol=1)
    assert np.allclose(left[2][:3] * 255, rgb(LIGHT.classes[1]), atol=1) and left[1][3] < 0.01
    assert "stroke-dasharray" in content_of([plane], "svg").decode()


def test_a_thin_line_keeps_its_colour_in_a_gif(plane):
    for theme, palette in (("light", LIGHT), ("dark", DARK)):
        film = Image.open(io.BytesIO(content_of([plane], "gif", View(theme=theme)))).convert("RGB")
        distances = np.abs(np.asarray(film, dtype=int) - rgb(palette.domain)).sum(axis=2)
        assert distances.min() <= 12
