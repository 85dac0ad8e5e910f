"""One store, several visitors: what each sees, and what nobody can do to another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlcore.errors import InvalidRequest
from tlcore.runs import Store
from tlcore.runs.identity import (
    has_owner_mark,
    is_kept_mark,
    is_owner_key,
    mark_of_owner_key,
    new_owner_key,
    new_pass,
    owner_key,
    owner_mark,
    signing_key,
    visitor_of_login,
    visitor_of_pass,
)
from tlcore.runs.library import Library, Wanted
from tlcore.runs.lineage import lineage
from tlcore.runs.visitors import Visitor, VisitorStore
from tlcore.specs import Budget, Dann, RunSpec, RunStart

ANN, BEN, OWNER = "a" * 32, "b" * 32, "c" * 32


def spec_of(seed: int) -> RunSpec:
    return RunSpec(method=Dann(), budget=Budget(steps=10), seed=seed)


@pytest.fixture
def ann(store: Store) -> VisitorStore:
    return VisitorStore(store, Visitor(ANN))


@pytest.fixture
def ben(store: Store) -> VisitorStore:
    return VisitorStore(store, Visitor(BEN))


@pytest.fixture
def owner(store: Store) -> VisitorStore:
    return VisitorStore(store, Visitor(OWNER, "owner"))


def finish(store: Store, run: str) -> None:
    store.change(run, state="finished", summary={"target_accuracy": 0.5})


class TestSight:
    def test_each_sees_their_own_runs_and_the_owner_all(self, ann, ben, owner):
        hers, his = ann.add(spec_of(1)), ben.add(spec_of(2))
        assert ann.get(hers) and ben.get(his) and owner.get(hers) and owner.get(his)
        assert ann.get(his) is ben.get(hers) is None
        assert [run.id for run in ann.runs()] == [hers] and set(ann.several([hers, his])) == {hers}
        assert ann.count("queued") == 1 and owner.count("queued") == 2

    def test_a_run_of_others_and_one_that_is_not_there_are_told_apart_by_nothing(self, ann, ben):
        his = ben.add(spec_of(2))
        sentences = []
        for run in (his, "0" * 16):
            with pytest.raises(InvalidRequest) as caught:
                ann.require(run)
            sentences.append(str(caught.value).replace(run, "RUN"))
        assert sentences[0] == sentences[1]

    def test_the_library_lists_counts_and_offers_only_what_is_in_sight(self, ann, ben):
        ann.add(spec_of(1), preset="p/ann", arm="dann")
        his = ben.add(spec_of(2), preset="p/ben", arm="secret")
        ben.rename(his, "plans")
        ben.tag([his], ["thesis"])
        finish(ben, his)
        seen = Library(ann)
        page = seen.page(Wanted())
        assert page.total == 1 and [entry.seed for entry in page.entries] == [1]
        for hidden in (Wanted(text="plans"), Wanted(text=his), Wanted(tags=["thesis"])):
            assert seen.page(hidden).total == 0
        choices = seen.choices()
        assert choices.presets == ("p/ann",) and choices.tags == () and choices.metrics == ()
        assert seen.named([his]) == []

    def test_lineage_does_not_tell_what_others_made_of_a_run(self, ann, ben):
        parent = spec_of(1)
        ann.add(parent)
        child = ben.add(RunSpec(seed=2, start=RunStart(spec=parent)))
        assert set(lineage(ann, [parent.content_hash]).generations) == {parent.content_hash}
        assert set(lineage(ben, [parent.content_hash]).generations) == {parent.content_hash, child}

    def test_the_weights_of_others_are_not_where_one_looks_for_them(self, store, ann, ben):
        hers = ann.add(spec_of(1))
        assert ann.run_folder(hers) == store.run_folder(hers) != ben.run_folder(hers)
        assert not ben.run_folder(hers).exists()

    def test_what_a_run_starts_from_is_claimed_with_it(self, ann):
        parent = spec_of(1)
        ann.add(RunSpec(seed=2, start=RunStart(spec=parent)))
        assert ann.get(parent.content_hash) is not None

    @given(st.text())
    def test_an_identity_that_is_none_makes_no_visitor(self, text):
        with pytest.raises(ValueError):
            Visitor(text)


class TestClaims:
    def test_the_same_run_is_one_run_with_two_claims(self, store, ann, ben):
        run = ann.add(spec_of(1))
        assert ben.add(spec_of(1)) == run and store.count("queued") == 1
        assert ann.wanted_by_others(run) and ben.wanted_by_others(run)
        ann.give_up(run)
        assert not ben.wanted_by_others(run) and ann.get(run) is not None and ann.live_claims() == 0

    def test_a_finished_run_is_shown_to_whoever_asks_for_it_too(self, ann, ben):
        run = ann.add(spec_of(1))
        finish(ann, run)
        ben.add(spec_of(1))
        assert ben.get(run).state == "finished"

    def test_a_run_that_is_trained_on_is_wanted_only_by_who_asked_again(self, ann, ben):
        run = ann.add(spec_of(1))
        ann.change(run, state="stopped")
        ben.add(spec_of(1))
        assert not ann.wants(run) and ben.wants(run)

    def test_labels_are_each_visitors_own(self, ann, ben, store):
        run = ann.add(spec_of(1))
        ben.add(spec_of(1))
        ann.rename(run, "hers")
        ann.star([run])
        ann.tag([run], ["x"])
        assert ann.label(run).name == "hers" and ben.label(run) == store.label(run)
        assert Library(ben).named([run])[0].name is None and Library(ann).named([run])[0].starred

    def test_deleting_affects_nobody_else(self, store, ann, ben):
        run = ann.add(spec_of(1))
        ben.add(spec_of(1))
        finish(store, run)
        assert ann.discard([run]) == [run] and ann.get(run) is None and ben.get(run) is not None
        ann.purge(0)
        assert store.get(run) is not None and ben.get(run) is not None and ann.get(run) is None
        ben.discard([run])
        ben.purge(0)
        assert store.get(run) is None

    def test_nobody_deletes_what_is_not_theirs(self, store, ann, ben):
        run = ann.add(spec_of(1))
        finish(store, run)
        assert ben.discard([run]) == []
        ben.purge(0)
        assert ann.get(run) is not None

    def test_what_others_still_wait_for_can_be_deleted_once_given_up(self, ann, ben):
        run = ann.add(spec_of(1))
        with pytest.raises(InvalidRequest):
            ann.discard([run])
        ben.add(spec_of(1))
        ann.give_up(run)
        assert ann.discard([run]) == [run] and ben.get(run) is not None

    def test_what_was_imported_is_trained_when_it_is_asked_for(self, store, ann, ben):
        """Nobody is shown, or builds on, figures that a stranger has made up."""
        run = ann.add(spec_of(1))
        store.change(run, state="finished", provenance={"imported": 1.0}, summary={"target_accuracy": 1.0})
        with pytest.raises(InvalidRequest):
            ben.adopt(run)
        ben.add(spec_of(1))
        asked = ben.get(run)
        assert asked.state == "queued" and asked.summary == {} and asked.provenance == {}
        assert ann.get(run) is not None and not ann.wants(run)


class TestTakingOver:
    def test_what_a_stranger_made_is_theirs_once_they_have_signed_in(self, store, ann, ben):
        run, both, his = ann.add(spec_of(1)), ann.add(spec_of(2)), ben.add(spec_of(3))
        ben.add(spec_of(2))
        ben.give_up(both)
        ann.rename(run, "hers")
        ann.tag([run], ["a"])
        ann.rename(both, "hers"), ben.rename(both, "his")
        token = ann.share([run])
        assert ann.claim_data("pictures")
        assert ben.take_over(Visitor(ANN)) == 2
        assert {one.id for one in ben.runs()} == {run, both, his} and ann.runs() == []
        assert ben.wants(run) and ben.wants(both), "what either waits for"
        names = {entry.id: (entry.name, entry.tags) for entry in Library(ben).page(Wanted(), limit=9).entries}
        assert names[run] == ("hers", ("a",)) and names[both][0] == "his"
        assert ben.unshare(token) and ben.own_data() == {"pictures"} and ann.own_data() == set()
        assert ben.take_over(Visitor(ANN)) == 0


class TestSharing:
    def test_a_link_shows_its_runs_until_it_is_taken_back(self, ann, ben):
        run, other = ann.add(spec_of(1)), ann.add(spec_of(2))
        token = ann.share([run])
        assert ann.share([run]) == token and len(token) == 32
        assert ben.open_share(token) == [run]
        assert ben.get(run) is not None and ben.get(other) is None
        assert ben.unshare(token) is False
        assert ann.unshare(token) and ben.get(run) is None and ben.open_share(token) == []

    def test_only_own_runs_can_be_shared(self, ann, ben):
        run = ann.add(spec_of(1))
        with pytest.raises(InvalidRequest):
            ben.share([run])
        ben.open_share(ann.share([run]))
        with pytest.raises(InvalidRequest):
            ben.share([run])

    @pytest.mark.parametrize("token", ["", "x" * 32, "' OR 1=1 --", "%" * 32, "../" * 10, "\x00" * 32])
    def test_a_guess_opens_nothing(self, ann, ben, token):
        ann.share([ann.add(spec_of(1))])
        assert ben.open_share(token) == [] and ben.runs() == []

    def test_links_are_not_alike(self, ann):
        tokens = {ann.share([ann.add(spec_of(seed))]) for seed in range(20)}
        assert len(tokens) == 20


class TestIdentity:
    def test_a_pass_is_known_again_and_a_forged_one_is_not(self, tmp_path):
        key = signing_key(tmp_path)
        assert signing_key(tmp_path) == key and (tmp_path / "hosted.key").stat().st_mode & 0o077 == 0
        given_out = new_pass(key)
        identity = visitor_of_pass(given_out, key)
        assert identity == given_out[:32]
        for forged in (
            given_out[:-1], f"{given_out}0", "0" * 32 + given_out[32:], f"{identity}.{'0' * 64}", identity, "", None, 5,
            given_out.upper(), f"{given_out}\n",
        ):  # fmt: skip
            assert visitor_of_pass(forged, key) is None, forged
        assert visitor_of_pass(given_out, bytes(32)) is None

    def test_logins_and_the_owners_secret(self, tmp_path):
        key = signing_key(tmp_path)
        one, other = visitor_of_login("https://a", "1", key), visitor_of_login("https://a", "2", key)
        assert one != other and Visitor(one).id == one
        assert is_owner_key(owner_key(key), key) and not is_owner_key("", key) and not is_owner_key("ä", key)
        assert owner_mark(one, key) not in (owner_mark(other, key), owner_key(key))

    def test_a_secret_made_elsewhere_is_known_by_its_mark_and_no_longer_when_it_is_replaced(self, tmp_path):
        key, one = signing_key(tmp_path), "1" * 32
        (text, mark), (other, others_mark) = new_owner_key(), new_owner_key()
        assert len(text) >= 43 and text not in mark and mark == mark_of_owner_key(f" {text}\n")
        assert has_owner_mark(text, mark) and not any(has_owner_mark(wrong, mark) for wrong in (other, mark, "", "ä"))
        kept = owner_mark(one, key, mark)
        assert is_kept_mark(kept, one, key, mark) and is_kept_mark(owner_mark(one, key), one, key, mark)
        assert not is_kept_mark(kept, one, key, others_mark) and not is_kept_mark(kept, one, key, None)
        assert not is_kept_mark(kept, "2" * 32, key, mark) and not is_kept_mark(None, one, key, mark)
        assert not is_kept_mark(mark, one, key, mark)

    @given(st.text(max_size=120))
    def test_no_text_is_a_pass(self, text):
        assert visitor_of_pass(text, b"k" * 32) is None
