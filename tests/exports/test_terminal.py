"""`python -m tlcore export`."""

from __future__ import annotations

import pytest

from tlcore.cli import main
from tlcore.exports import View, content_of
from tlcore.gallery import recorded as shipped


def test_runs_side_by_side_as_wished(pair, tmp_path, capsys):
    output, store = tmp_path / "film.svg", str(pair[0].store.folder)
    wishes = ["--projection", "pca", "--colour", "class", "--step", "10", "--theme", "dark", "--width", "700"]
    status = main([
        "export", pair[0].run.id[:8], "--with", pair[1].run.id, "--format", "svg", "--output", str(output),
        "--store", store, *wishes,
    ])  # fmt: skip
    assert (status, capsys.readouterr().out) == (0, "")
    assert output.read_bytes() == content_of(pair, "svg", View("pca", "class", 10, "dark", 700))


def test_remarks_go_to_standard_error(recorded, tmp_path, capsys):
    def spoil(points):
        points[0, 0] = float("nan")
        return points

    source = recorded(change=spoil)
    command = ["export", source.run.id, "--format", "html", "--output", str(tmp_path / "film.html")]
    assert main([*command, "--store", str(source.store.folder)]) == 0
    said = capsys.readouterr()
    assert said.out == "" and said.err.splitlines()[0].startswith("1 point was left out") and "wrote" in said.err


def test_runs_that_ship_with_the_lab(tmp_path, capsys):
    run = next(run for run in shipped("domain-adversarial/moons").runs() if run.arm == "dann" and run.spec.seed == 0)
    output = tmp_path / "moons.csv"
    command = ["export", run.id, "--format", "csv", "--output", str(output), "--store", str(tmp_path / "store")]
    assert main(command) == 0 and "target_accuracy" in output.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format", "docx"], "no export format 'docx'"),
        (["--format", "svg", "--step", "999"], "there is no picture of step 999"),
        (["--format", "svg", "--colour", "mood"], "no colouring 'mood'"),
        (["--format", "svg", "--width", "7"], "pixels wide, not 7"),
        (["--format", "svg", "--with", "ffffffff"], "no run 'ffffffff'"),
        (["--format", "svg", "--recorded"], "among those that ship with the lab"),
        (["--format", "csv", "--output", "/nowhere/at/all.csv"], "there is no folder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, words, recorded, tmp_path, capsys):
    source = recorded()
    base = ["export", source.run.id, "--output", str(tmp_path / "out"), "--store", str(source.store.folder)]
    assert main([*base, *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == "" and words in said.err and said.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
