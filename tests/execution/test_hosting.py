"""Hosted mode: the setting, its limits, and that they hold on the server whatever a page has let through."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import get_args

import pytest

from tlcore.errors import InvalidRequest, OutOfSpace
from tlcore.execution import admission
from tlcore.execution.hosted import HostedExecutor
from tlcore.execution.hosting import CONFIG, OWNER_MARK, SWITCH, hosting, hosting_file, owner_key_mark
from tlcore.execution.local import LocalExecutor
from tlcore.runs import Store
from tlcore.runs.service import Service
from tlcore.runs.visitors import Visitor
from tlcore.specs import (
    Budget,
    CheckpointStart,
    Dann,
    Digits,
    DomainPair,
    Mnist,
    Moons,
    OwnPictures,
    Perceptron,
    RunSpec,
    RunStart,
    SmallCnn,
)
from tlcore.specs.hosting import Hosting, Limits, People
from tlcore.specs.model_questions import CompareLayers, TryPicture
from tlcore.specs.own_data import CheckOwn, ImportOwn, ListOwn, PreviewOwn, RemoveOwn
from tlcore.specs.questions import FetchSet, ListAllowed, LookAtData, Question

ANN, BEN, OWNER = Visitor("a" * 32), Visitor("b" * 32), Visitor("c" * 32, "owner")
OWN = OwnPictures(dataset="cats")
MOONS = {"data": DomainPair(source=Moons(), target=Moons()), "network": Perceptron()}


def spec_of(seed: int, steps: int = 10, **changes) -> RunSpec:
    return RunSpec(**({"method": Dann(), "budget": Budget(steps=steps), "seed": seed} | MOONS | changes))


ABOUT_RUNS = [kind for kind in get_args(get_args(Question)[0]) if "run" in kind.model_fields]


class Lab(LocalExecutor):
    """A lab without a supervisor: what is queued stays so."""

    def ensure_supervisor(self) -> None:
        pass


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
    return Lab(Store(tmp_path / "store"))


def of(lab: Lab, who: Visitor, **limits) -> HostedExecutor:
    return HostedExecutor(lab, who, Hosting(limits=Limits(**limits)))


class TestSetting:
    @pytest.fixture(autouse=True)
    def _clean(self, monkeypatch):
        for name in (SWITCH, CONFIG, OWNER_MARK):
            monkeypatch.delenv(name, raising=False)

    def test_off_by_default_and_on_by_either_way(self, tmp_path, monkeypatch):
        assert hosting(tmp_path) is None
        monkeypatch.setenv(SWITCH, "1")
        assert hosting(tmp_path) == Hosting()
        monkeypatch.delenv(SWITCH)
        (tmp_path / "hosted.toml").write_text(
            'shared_data = ["pets"]\n[limits]\nsteps = 7\n[people]\nowners = ["A@B.org"]'
        )
        found = hosting(tmp_path)
        assert found.limits.steps == 7 and found.people.owners == ("a@b.org",) and found.shared_data == ("pets",)
        monkeypatch.setenv(SWITCH, "0")
        assert hosting(tmp_path) is None

    def test_a_change_of_the_file_is_seen(self, tmp_path):
        file = tmp_path / "hosted.toml"
        for steps in (7, 1234):
            file.write_text(f"[limits]\nsteps = {steps}")
            assert hosting(tmp_path).limits.steps == steps

    @pytest.mark.parametrize(
        "content, words",
        [
            ("[limits]\nsteps = 0", "limits.steps"), ("[limits]\nstep = 5", "no such parameter"), ("limits", "no TOML"),
            ('[people]\nanonymous = "owner"', "anonymous"), ('[people]\nowners = ["me"]', "owners"), ("\xff", "TOML"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_understood_is_said_and_hosts_nothing(self, tmp_path, content, words):
        (tmp_path / "hosted.toml").write_text(content, encoding="latin-1")
        with pytest.raises(InvalidRequest, match=words):
            hosting(tmp_path)

    def test_a_missing_file_or_a_strange_switch_is_said(self, tmp_path, monkeypatch):
        monkeypatch.setenv(SWITCH, "perhaps")
        with pytest.raises(InvalidRequest, match=SWITCH):
            hosting(tmp_path)
        monkeypatch.setenv(SWITCH, "1")
        monkeypatch.setenv(CONFIG, str(tmp_path / "nowhere.toml"))
        with pytest.raises(InvalidRequest, match=CONFIG):
            hosting(tmp_path)

    def test_a_relative_name_counts_from_the_labs_own_folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv(CONFIG, "deploy/hosted.toml")
        monkeypatch.chdir(tmp_path)
        assert hosting_file(tmp_path) == Path(__file__).parents[2] / "deploy" / "hosted.toml"
        monkeypatch.setenv(CONFIG, str(tmp_path / "other.toml"))
        assert hosting_file(tmp_path) == tmp_path / "other.toml"

    def test_a_mark_that_is_none_hosts_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setenv(SWITCH, "1")
        monkeypatch.setenv(OWNER_MARK, "paste it here")
        with pytest.raises(InvalidRequest, match="--new-owner-key"):
            hosting(tmp_path)
        monkeypatch.setenv(OWNER_MARK, f" {'A' * 64}\n")
        assert hosting(tmp_path) == Hosting() and owner_key_mark() == "a" * 64
        monkeypatch.delenv(OWNER_MARK)
        assert owner_key_mark() is None

    def test_roles_follow_the_verified_address(self):
        people = People(anonymous="viewer", signed_in="viewer", owners=("boss@b.org",), trainers=("@school.edu",))
        roles = {
            None: "viewer", "": "viewer", "boss@b.org": "owner", "BOSS@b.org": "owner", "x@school.edu": "trainer",
            "x@school.edu.evil.org": "viewer", "boss@b.org.evil.org": "viewer",
        }  # fmt: skip
        assert {address: people.role(address) for address in roles} == roles

    def test_where_trainers_are_named_others_who_sign_in_watch_unless_said_otherwise(self):
        named = {"trainers": ("@school.edu",)}
        assert People().role("x@elsewhere.org") == People().role("") == "trainer"
        assert People(**named).role("x@elsewhere.org") == People(**named).role("") == "viewer"
        assert People(**named).role("x@school.edu") == "trainer"
        assert People(signed_in="trainer", **named).role("x@elsewhere.org") == "trainer"


class TestRuns:
    def test_steps_and_numbers_are_limited_before_anything_is_queued(self, lab):
        ann = of(lab, ANN, steps=100, queued_per_visitor=2)
        with pytest.raises(InvalidRequest, match="at most 100 steps"):
            ann.submit(spec_of(1, steps=101))
        with pytest.raises(InvalidRequest, match="at most 2 runs"):
            ann.require_admission([spec_of(seed) for seed in range(3)])
        assert lab.store.runs() == []
        ann.submit(spec_of(1)), ann.submit(spec_of(2))
        with pytest.raises(InvalidRequest, match="You have 2"):
            ann.submit(spec_of(3))
        of(lab, BEN, queued_per_visitor=2).submit(spec_of(3))

    def test_what_is_refused_is_logged_with_who_and_why(self, lab, caplog):
        caplog.set_level("INFO", "tlcore.admission")
        someone = Visitor("5eed" * 8)
        for _ in range(2):
            with pytest.raises(InvalidRequest):
                of(lab, someone, steps=77).submit(spec_of(1, steps=101))
        with pytest.raises(InvalidRequest):
            of(lab, someone, upload_mb=1).admission.admit(PreviewOwn(), 2**20 + 1)
        noted = [(record.visitor, record.asked, record.reason[:26]) for record in caplog.records]
        assert noted == [
            ("5eed5e", "runs", "On this server a run has a"), ("5eed5e", "upload", "On this server a file has ")
        ]  # fmt: skip

    def test_many_tabs_at_once_are_one_visitor(self, lab):
        refused = []

        def press(seed: int) -> None:
            try:
                of(lab, ANN, queued_per_visitor=3).submit(spec_of(seed))
            except InvalidRequest:
                refused.append(seed)

        threads = [threading.Thread(target=press, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(lab.store.runs()) == 3 and len(refused) == 5

    def test_asking_again_for_what_is_there_costs_nothing(self, lab):
        ann = of(lab, ANN, queued_per_visitor=1)
        run = ann.submit(spec_of(1))
        assert ann.submit(spec_of(1)) == run
        lab.store.change(run, state="finished")
        assert of(lab, BEN, queued_in_all=1).submit(spec_of(1)) == run

    def test_what_a_run_starts_from_counts_and_is_limited_too(self, lab):
        with pytest.raises(InvalidRequest, match="steps"):
            of(lab, ANN, steps=10).submit(spec_of(1, start=RunStart(spec=spec_of(2, steps=11))))
        with pytest.raises(InvalidRequest, match="asked for 2"):
            of(lab, ANN, queued_per_visitor=1).submit(spec_of(1, start=RunStart(spec=spec_of(2))))

    def test_all_together_are_limited(self, lab):
        of(lab, ANN).submit(spec_of(1))
        with pytest.raises(InvalidRequest, match="1 runs wait or train"):
            of(lab, BEN, queued_in_all=1).submit(spec_of(2))

    def test_viewers_watch_and_nobody_trains_while_the_server_is_drained(self, lab):
        with pytest.raises(InvalidRequest, match="watch"):
            of(lab, Visitor("d" * 32, "viewer")).submit(spec_of(1))
        Service(lab.store.database).drain(True)
        with pytest.raises(InvalidRequest, match="maintenance"):
            of(lab, ANN).submit(spec_of(1))
        Service(lab.store.database).drain(False)
        of(lab, ANN).submit(spec_of(1))

    def test_a_full_disk_share_takes_no_more(self, lab, monkeypatch):
        monkeypatch.setattr(admission, "COUNT_SECONDS", -1.0)
        ann = of(lab, ANN, disk_per_visitor_mb=1)
        run = ann.submit(spec_of(1))
        (lab.store.run_folder(run)).mkdir(parents=True)
        (lab.store.run_folder(run) / "weights.safetensors").write_bytes(bytes(2**20 + 1))
        with pytest.raises(OutOfSpace, match="1 MB that a visitor has"):
            ann.submit(spec_of(2))
        of(lab, BEN, disk_per_visitor_mb=1).submit(spec_of(2))
        with pytest.raises(OutOfSpace, match="full"):
            of(lab, BEN, disk_in_all_mb=1).submit(spec_of(3))

    def test_runs_of_others_cannot_be_steered_or_forked(self, lab):
        ann, ben = of(lab, ANN), of(lab, BEN)
        run = ann.submit(spec_of(1))
        for act in (ben.pause, ben.resume, ben.step, ben.stop, lambda run: ben.fork(run, {"lambda_max": 0.5})):
            with pytest.raises(InvalidRequest, match=r"not yours|no run"):
                act(run)
        with pytest.raises(InvalidRequest, match="not yours"):
            ben.submit(spec_of(2, start=CheckpointStart(run=run, step=1)))
        assert lab.store.get(run).state == "queued"

    def test_a_run_that_two_wait_for_ends_when_both_have_stopped_it(self, lab):
        ann, ben = of(lab, ANN), of(lab, BEN)
        run = ann.submit(spec_of(1))
        ben.submit(spec_of(1))
        with pytest.raises(InvalidRequest, match="cannot be paused"):
            ann.pause(run)
        ann.stop(run)
        assert lab.store.get(run).state == "queued" and ann.store.live_claims() == 0
        ben.stop(run)
        assert lab.store.get(run).state == "stopped"

    @pytest.mark.parametrize("data", [DomainPair(source=OWN, target=OWN), DomainPair(source=Digits(), target=OWN)])
    def test_data_of_others_train_nothing(self, lab, data):
        of(lab, BEN).store.claim_data("cats")
        with pytest.raises(InvalidRequest, match="not yours"):
            of(lab, ANN).require_admission([spec_of(1, data=data, network=SmallCnn())])
        of(lab, BEN).require_admission([spec_of(1, data=data, network=SmallCnn())])
        HostedExecutor(lab, ANN, Hosting(shared_data=("cats",))).require_admission(
            [spec_of(1, data=data, network=SmallCnn())]
        )

    def test_strangers_make_the_server_download_nothing(self, lab):
        with pytest.raises(InvalidRequest, match="only its owner can bring it"):
            of(lab, ANN).require_admission(
                [spec_of(1, data=DomainPair(source=Mnist(), target=Mnist()), network=SmallCnn())]
            )


class TestQuestions:
    @pytest.mark.parametrize(
        "question",
        [
            ListAllowed(), FetchSet(dataset="mnist"), PreviewOwn(path="/etc"), ImportOwn(path="/etc", dataset="etc"),
            CheckOwn(dataset="cats"), RemoveOwn(dataset="cats"), LookAtData(data=OWN), ImportOwn(dataset="cats"),
            TryPicture(run="0" * 16), CompareLayers(run="0" * 16, other="1" * 16),
        ],
    )  # fmt: skip
    def test_what_a_stranger_may_not_ask(self, lab, tmp_path, question):
        of(lab, BEN).store.claim_data("cats")
        (tmp_path / "data" / "own" / "cats").mkdir(parents=True)
        with pytest.raises(InvalidRequest):
            of(lab, ANN).admission.admit(question, None)

    def test_a_run_is_asked_about_by_those_who_see_it_and_only_in_this_store(self, lab):
        run = of(lab, ANN).submit(spec_of(1))
        allowed = of(lab, ANN, question_seconds=5).admission
        assert allowed.admit(TryPicture(run=run, store=str(lab.store.folder)), None).seconds == 5
        for guard, store in ((of(lab, BEN).admission, ""), (allowed, "/"), (allowed, str(lab.store.folder.parent))):
            with pytest.raises(InvalidRequest):
                guard.admit(TryPicture(run=run, store=store), None)

    @pytest.mark.parametrize("kind", ABOUT_RUNS, ids=lambda kind: kind.__name__)
    def test_no_question_tells_of_a_run_of_others(self, lab, kind):
        """Also a kind of question that was added later."""
        run = of(lab, BEN).submit(spec_of(1))
        names = [name for name, field in kind.model_fields.items() if field.is_required() or name == "run"]
        question = kind.model_construct(**({"question": "any", "store": ""} | dict.fromkeys(names, run)))
        with pytest.raises(InvalidRequest, match="not yours"):
            of(lab, ANN).admission.admit(question, None)

    def test_uploads_are_limited_and_only_for_those_who_train(self, lab):
        with pytest.raises(InvalidRequest, match="at most 1 MB"):
            of(lab, ANN, upload_mb=1).admission.admit(PreviewOwn(), 2**20 + 1)
        with pytest.raises(InvalidRequest):
            of(lab, Visitor("d" * 32, "viewer")).admission.admit(PreviewOwn(), 1)
        of(lab, ANN).admission.admit(PreviewOwn(), 1)

    def test_each_is_told_of_their_own_data_alone(self, lab):
        ann, ben = of(lab, ANN), of(lab, BEN)
        ann.admission.admit(ImportOwn(dataset="cats"), 1)
        answer = [{"name": "cats"}, {"name": "private"}]
        assert ann.admission.answered(ListOwn(), answer) == [{"name": "cats"}]
        assert ben.admission.answered(ListOwn(), answer) == []
        assert of(lab, OWNER).admission.answered(ListOwn(), answer) == answer
        ann.admission.failed(ImportOwn(dataset="cats"))
        assert ann.admission.answered(ListOwn(), answer) == []
