"""Questions are answered by a process of their own, which may die, be slow or want too much without harm."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from tests.data.own.conftest import classes, fill, left_behind, zipped
from tlcore.errors import InvalidRequest, LabError, MissingData
from tlcore.execution import questions
from tlcore.execution.local import LocalExecutor
from tlcore.execution.questions import ask, pinned
from tlcore.runs import Store
from tlcore.specs import DomainPair, OwnPictures, RunSpec, RunStart, Shifted
from tlcore.specs.own_data import CheckOwn, ImportOwn, ListOwn, PreviewOwn, RemoveOwn


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder; uploads go beside it."""
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(uploads))
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("TLCORE_FOLDERS", raising=False)
    return tmp_path / "data"


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return fill(tmp_path / "allowed" / "pets", classes("cat", "dog", count=5))


def test_an_upload_is_previewed_imported_listed_checked_and_removed(tmp_path: Path, data: Path) -> None:
    upload = zipped(tmp_path / "pets.zip", classes("cat", "dog", count=5)).read_bytes()
    seen = ask(PreviewOwn(title="pets.zip"), upload=upload)
    assert (seen["title"], seen["suggested_name"], seen["examples"]) == ("pets.zip", "pets", 10)
    assert not data.exists()
    told: list[tuple[str, float]] = []
    question = ImportOwn(title="pets.zip", dataset="pets", side=16)
    taken = ask(question, upload=io.BytesIO(upload), report=lambda text, share: told.append((text, share)))
    assert taken["examples"] == 10 and taken["unreadable_files"] == []
    assert told and told[-1] == ("Decoding pictures", 1.0)
    (listed,) = ask(ListOwn())
    assert listed == ask(CheckOwn(dataset="pets")) and listed["content"] == taken["content"]
    assert ask(RemoveOwn(dataset="pets")) == {"removed": "pets"}
    assert left_behind(data) == ["own"] and not list((tmp_path / "uploads").iterdir())


def test_folders_of_the_server_are_read_only_where_allowed(
    tmp_path: Path, data: Path, pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for question in (PreviewOwn(path=str(pets)), ImportOwn(path=str(pets), dataset="pets")):
        with pytest.raises(InvalidRequest, match="its owner has named none"):
            ask(question)
        monkeypatch.setenv("TLCORE_FOLDERS", str(pets.parent))
        assert ask(question)["examples"] == 10
        monkeypatch.setenv("TLCORE_FOLDERS", str(tmp_path / "elsewhere"))
        with pytest.raises(InvalidRequest, match="not below a folder that the server's owner has allowed"):
            ask(question)
        monkeypatch.delenv("TLCORE_FOLDERS")
        assert ask(question, owner=True)["examples"] == 10


def test_refusals_keep_their_kind_and_their_sentence(data: Path) -> None:
    with pytest.raises(MissingData, match="no own data set “pets” on this machine"):
        ask(CheckOwn(dataset="pets"))
    with pytest.raises(InvalidRequest, match=r"harm\.zip cannot be read"):
        ask(PreviewOwn(title="harm.zip"), upload=b"PK\x03\x04")
    with pytest.raises(InvalidRequest, match="not both"):
        ask(PreviewOwn(path="/x"), upload=b"PK\x03\x04")


def answering(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let this script of the shell answer instead: it starts at once, whatever the machine is busy with."""
    popen = questions.subprocess.Popen
    monkeypatch.setattr(questions.subprocess, "Popen", lambda _, **options: popen(["sh", "-c", script], **options))


def test_whoever_dies_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "kill -9 $$")
    with pytest.raises(LabError, match="the process that looked for it ended"):
        ask(ListOwn())


def test_whoever_is_too_slow_is_ended_with_all_it_has_started(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "child"
    answering(monkeypatch, f"sleep 600 & echo $! > '{note}'; sleep 600")
    with pytest.raises(LabError, match="no answer within 5 seconds"):
        ask(ListOwn(), seconds=5.0)
    deadline = time.monotonic() + 20
    while alive(int(note.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(int(note.read_text()))


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit on memory is Linux's")
def test_too_little_memory_is_a_sentence(data: Path, pets: Path) -> None:
    with pytest.raises(LabError, match="memory"):
        ask(ImportOwn(path=str(pets), dataset="pets", side=256), owner=True, memory=30 * 2**20)
    assert left_behind(data) in ([], ["own"])


def test_an_interrupted_question_leaves_no_process(
    tmp_path: Path, data: Path, pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    popen = questions.subprocess.Popen
    monkeypatch.setattr(
        questions.subprocess, "Popen", lambda *given, **options: started.append(popen(*given, **options)) or started[-1]
    )

    def interrupt(text: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(ImportOwn(path=str(pets), dataset="pets"), owner=True, report=interrupt)
    assert started[0].returncode is not None
    assert not (data / "own" / "pets").exists() or ask(CheckOwn(dataset="pets"))["examples"] == 10


class TestPinned:
    def test_content_is_written_into_every_place(self, data: Path, pets: Path) -> None:
        content = ask(ImportOwn(path=str(pets), dataset="pets", side=16), owner=True)["content"]
        open_ended = OwnPictures(dataset="pets")
        first = RunSpec(data=DomainPair(source=open_ended, target=Shifted(base=open_ended)))
        spec = first.model_copy(update={"start": RunStart(spec=first)})
        found = pinned(spec)
        assert found.data.source.content == found.data.target.base.content == content
        assert found.start.spec.data.source.content == content
        assert pinned(found) == found and found.content_hash != spec.content_hash

    def test_other_runs_are_left_alone_without_asking(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(questions, "ask", lambda *_: pytest.fail("asked"))
        assert pinned(RunSpec()) == RunSpec()

    def test_a_run_on_missing_data_is_not_queued(self, tmp_path: Path, data: Path) -> None:
        store = Store(tmp_path / "store")
        for name, sentence in (("pets", "no own data set “pets” on this machine"), ("", "No own data set is chosen")):
            own = OwnPictures(dataset=name)
            with pytest.raises(LabError, match=sentence):
                LocalExecutor(store).submit(RunSpec(data=DomainPair(source=own, target=own)))
        assert store.runs() == []


def test_answers_come_without_torch(data: Path) -> None:
    script = "import sys; import tlcore.execution.answer, tlcore.data.own.answers; sys.exit('torch' in sys.modules)"
    assert questions.subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2]).returncode == 0
    assert os.environ["TLCORE_DATA"] == str(data)


@pytest.mark.parametrize("name, taken_over", [("bees", True), ("cache", False), ("own", False), ("nowhere", False)])
def test_only_a_folder_that_somebody_put_among_the_data_is_taken_over(tmp_path, monkeypatch, name, taken_over):
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    for folder in ("bees", "cache", "own"):
        (tmp_path / folder).mkdir()
    imported = []

    def answer(question, **options):
        if isinstance(question, ImportOwn):
            imported.append((question.dataset, question.path, options))
            return None
        return [{"name": one, "content": "0123456789abcdef"} for one, *_ in imported]

    monkeypatch.setattr(questions, "answer_of", answer)
    monkeypatch.setattr(questions, "_known", None)
    own = OwnPictures(dataset=name)
    spec = RunSpec(data=DomainPair(source=own, target=own))
    if taken_over:
        assert questions.pinned(spec).data.target.content == "0123456789abcdef"
        assert imported == [("bees", str((tmp_path / "bees").resolve()), {"owner": True})]
    else:
        with pytest.raises(MissingData, match=name):
            questions.pinned(spec)
        assert imported == []
