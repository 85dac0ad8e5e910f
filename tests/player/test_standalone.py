"""The player in one file: its modules in one script, its films packed, nothing in it that data could break out of."""

from __future__ import annotations

import base64
import json
import re
import zlib

import numpy as np
import pytest

from tlcore.player import ASSETS
from tlcore.player.bundle import bundle
from tlcore.player.film import Panel, film_message
from tlcore.player.message import MISSING_COORDINATE, Ledger
from tlcore.player.packing import COARSENESS, MISSING_PLACE, pack
from tlcore.player.standalone import in_script, json_in_html, standalone
from tlcore.plots.style import palette_payload
from tlcore.runs.records import Frame, Neighbours, Probe

EVIL = "</script><script>alert(1)</script><!-- \u2028 <img src=x onerror=alert(2)>"
MARKS = "__FILMS__ __BUNDLE__ __TITLE__"


def probe_of(count, names=("a", "b")):
    labels = (np.arange(count) % len(names)).astype(np.int16)
    return Probe(labels, (np.arange(count) % 2).astype(np.int8), names)


def message_of(frames, probe, projections=("pca",), projection="pca", title="run"):
    near = [Neighbours(0, np.zeros((len(probe), 3), np.uint16))]
    panel = Panel("run", title, "", frames, neighbours=near)
    return film_message(Ledger(), [panel], probe, projections, projection)


def film_of(count=50, frames=4, classes=2, dimensions=2, projection="pca"):
    random = np.random.default_rng(0)
    points = random.normal(size=(count, dimensions))
    film = []
    for number in range(frames):
        points = points + 0.05 * random.normal(size=points.shape)
        predictions = random.integers(-1, classes, count).astype(np.int16)
        film.append(Frame(number, projection, points.astype(np.float32), predictions))
    return film


def unpack(content):
    """What the script in the file does, written out with NumPy."""
    raw = zlib.decompress(content, zlib.MAX_WBITS | 16)
    length = int.from_bytes(raw[:4], "little")
    message, at = json.loads(raw[4 : 4 + length]), 4 + length
    for panel in message["panels"]:
        frames, packed = panel["frames"], panel.pop("packed")
        if "points" in packed:
            count = len(frames) * packed["points"]
            low, high = (np.frombuffer(raw, np.uint8, count, at + half * count).astype(np.uint16) for half in (0, 1))
            at += 2 * count
            change = (low | (high << 8)).view(np.int16).reshape(len(frames), -1)
            places = np.cumsum(change, axis=0, dtype=np.int16)
            exact = np.clip(places.astype(int) * COARSENESS, -32767, 32767)
            exact[places == MISSING_PLACE] = MISSING_COORDINATE
            for frame, values in zip(frames, exact.astype("<i2"), strict=True):
                frame["points"] = base64.b64encode(values.tobytes()).decode()
        if "predictions" in packed:
            count = len(frames) * packed["predictions"]
            change = np.frombuffer(raw, np.uint8, count, at).reshape(len(frames), -1)
            at += count
            for frame, values in zip(frames, np.cumsum(change, axis=0, dtype=np.uint8), strict=True):
                frame["predictions"] = base64.b64encode(values.tobytes()).decode()
    assert at == len(raw)
    return message


def shorts(text):
    return np.frombuffer(base64.b64decode(text), "<i2").astype(int)


@pytest.mark.parametrize(("dimensions", "classes"), [(2, 3), (3, 3), (2, 400)])
def test_a_packed_film_is_the_message_to_one_place_in_eight_thousand(dimensions, classes):
    film = film_of(classes=classes, dimensions=dimensions)
    film[1].points[5] = np.nan
    message = message_of(film, probe_of(50))
    back = unpack(pack(message))
    for sent, read in zip(message["panels"][0]["frames"], back["panels"][0]["frames"], strict=True):
        assert read["predictions"] == sent["predictions"]
        before, after = shorts(sent["points"]), shorts(read["points"])
        missing = before == MISSING_COORDINATE
        assert np.array_equal(after == MISSING_COORDINATE, missing) and missing.sum() in (0, dimensions)
        assert np.abs(before - after).max() <= COARSENESS
        rest = {name: value for name, value in sent.items() if name not in ("points", "predictions")}
        assert {name: read[name] for name in rest} == rest
    assert {**back, "panels": 0} == {**message, "panels": 0}


def test_a_film_that_hardly_moves_is_packed_small():
    probe, random = probe_of(2000), np.random.default_rng(0)
    start = random.normal(size=(2000, 2))
    film = [Frame(step, "pca", (start + 1e-4 * step).astype(np.float32), probe.labels) for step in range(60)]
    message = message_of(film, probe)
    assert len(pack(message)) < len(json.dumps(message)) / 8


def test_what_a_message_holds_besides_is_passed_through():
    message = message_of([], probe_of(3)) | {"new": {"later": [1, 2]}}
    assert unpack(pack(message))["new"] == {"later": [1, 2]}
    odd = message_of(film_of(3), probe_of(3))
    odd["panels"][0]["frames"][1]["points"] = "AAAA"
    assert unpack(pack(odd))["panels"][0]["frames"][1]["points"] == "AAAA"


def test_the_players_own_modules_become_one_script():
    for entry in ("player.js", "player_standalone.js"):
        script = bundle(entry)
        assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
        assert script.index('modules["shared.js"] =') < script.index('modules["player.js"] =')
    assert "createPlayer" in re.findall(r"return \{ (.*) \};", bundle("player.js"))[-1]
    assert {path.name for path in ASSETS.glob("player*.js")} - set(re.findall(r'modules\["([\w.]+)"\] = ', script)) == {
        "player_component.js"
    }


def test_the_ways_to_import_and_export(tmp_path):
    (tmp_path / "a.js").write_text(
        "export const one = 1, two = 2;\nexport function f() {}\nexport async function g() {}\nexport class C {}\n"
        "let count = 0;\nexport { count as counted };\nexport default function () {}\n"
    )
    (tmp_path / "b.js").write_text('export { one as uno, f } from "./a.js";\n')
    (tmp_path / "c.js").write_text(
        'import "./b.js";\nimport fallback, {\n  one as first,\n  f,\n} from "./a.js";\n'
        'import * as all from "./b.js";\n'
        "export const sum = first;\n"
    )
    script = bundle("c.js", tmp_path)
    assert 'const { one: first, f: f, default: fallback } = modules["a.js"];' in script
    assert 'const all = modules["b.js"];' in script
    assert 'get "uno"() { return modules["a.js"].one; }' in script and 'get "counted"() { return count; }' in script
    assert 'get "default"() { return theDefault; }' in script
    assert script.count('modules["a.js"] = ') == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('import x from "https://elsewhere/x.js";', "not understood"),
        ('const later = await import("./a.js");', "not understood"),
        ("export const { a, b } = {};", "not understood"),
        ('import { a } from "./odd.js";', "in a circle: odd.js → odd.js"),
    ],
)
def test_what_is_not_understood_is_refused(text, words, tmp_path):
    (tmp_path / "odd.js").write_text(text + "\n")
    with pytest.raises(ValueError, match=words):
        bundle("odd.js", tmp_path)


def scripts_of(page):
    """The script elements as a browser cuts them: each ends at the first `</script`."""
    return re.findall(r"<script\b([^>]*)>(.*?)</script", page, re.DOTALL)


def test_nothing_from_the_data_ends_a_script_or_becomes_markup():
    film = film_of(projection="pca")
    message = message_of(film, probe_of(50, (EVIL, MARKS)), title=EVIL)
    page = standalone(
        {"pca": message},
        projection="pca",
        title=EVIL,
        lead=MARKS,
        foot=[EVIL],
        palettes=palette_payload(),
        theme="dark",
    )
    assert "<img" not in page and "alert(1)</script>" not in page
    scripts = scripts_of(page)
    assert [re.findall(r'(?:type|data-projection)="([^"]*)"', attributes) for attributes, _ in scripts] == [
        ["application/octet-stream", "pca"], ["application/json"], [],
    ]  # fmt: skip
    assert json.loads(scripts[1][1]) == {
        "projection": "pca", "theme": "dark", "coarseness": COARSENESS, "missing": MISSING_PLACE,
    }  # fmt: skip
    back = unpack(base64.b64decode(scripts[0][1]))
    assert back["panels"][0]["title"] == EVIL and back["probe"]["class_names"] == [EVIL, MARKS]
    assert page.count("__FILMS__ __BUNDLE__ __TITLE__") == 1  # the lead, as it was given
    assert '<html lang="en" data-scheme="dark">' in page


def test_the_file_may_fetch_nothing():
    page = standalone(
        {"pca": message_of(film_of(), probe_of(50))}, projection="pca", title="t", lead="l", palettes=palette_payload()
    )
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'") and "connect-src" not in policy and "https:" not in policy
    addresses = set(re.findall(r"https?://[\w./-]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, not an address that is fetched
    assert not re.search(r"url\((?!['\"]?data:)|@import|<link|src=", page)


def test_other_projections_are_in_the_file_while_there_is_room():
    probe, names = probe_of(500), ("umap", "pca", "pca-3d")
    films = {
        name: message_of(
            film_of(500, 20, dimensions=3 if name.endswith("3d") else 2, projection=name), probe, names, name
        )
        for name in names
    }

    def shown(most_bytes):
        page = standalone(
            films, projection="pca", title="t", lead="l", palettes=palette_payload(), most_bytes=most_bytes
        )
        contents = {
            re.search('data-projection="([^"]*)"', attributes)[1]: unpack(base64.b64decode(text))
            for attributes, text in scripts_of(page)
            if "octet-stream" in attributes
        }
        assert next(iter(contents)) == "pca"
        for name, message in contents.items():
            assert [entry["id"] for entry in message["projections"]] == [known for known in names if known in contents]
            # Points and neighbours lie in the file once.
            assert ("labels" in message["probe"]) == (name == "pca") == bool(message["panels"][0]["neighbours"])
        return set(contents), len(page)

    everything, size = shown(10_000_000)
    assert everything == set(names)
    fewer, smaller = shown(size - 1000)
    assert "pca" in fewer and len(fewer) == 2 and smaller < size - 1000
    assert shown(0)[0] == {"pca"}


def test_json_and_code_that_stand_in_a_page():
    assert json.loads(json_in_html({"a": EVIL})) == {"a": EVIL}
    assert not set("<>&\u2028") & set(json_in_html(EVIL))
    assert in_script('x = "</SCRIPT><!--" + (a < b)') == 'x = "\\x3c/SCRIPT>\\x3c!--" + (a < b)'
