"""The library: what a filter finds, labels, deletion that can be undone, and where weights came from."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tlcore.errors import InvalidRequest, OutOfSpace
from tlcore.runs import Store
from tlcore.runs.differences import spec_differences
from tlcore.runs.labels import LONGEST_NAME, MOST_TAGS
from tlcore.runs.library import MOST_WORDS, SORTINGS, Library, Wanted
from tlcore.runs.lineage import lineage
from tlcore.runs.tables import FORMAT
from tlcore.runs.usage import require_room, store_limit, usage
from tlcore.specs import Budget, Dann, RunSpec, SourceOnly
from tlcore.specs.run import CheckpointStart, RunStart


@pytest.fixture
def ids(store: Store) -> list[str]:
    """Six finished runs: two arms, three seeds, target accuracy rising with their place."""
    found = []
    for place in range(6):
        arm, method = (("dann", Dann()), ("source_only", SourceOnly()))[place % 2]
        run = store.add(
            RunSpec(method=method, budget=Budget(steps=10), seed=place // 2), preset="domain-adversarial/moons", arm=arm
        )
        store.change(run, state="finished", created=float(place), summary={"target_accuracy": place / 10})
        found.append(run)
    return found


def found(store: Store, shipped: tuple[Store, ...] = (), **wanted: object) -> list[str]:
    page = Library(store, shipped).page(Wanted(**wanted))
    assert page.total == len(page.entries)
    return [entry.id for entry in page.entries]


class TestFilters:
    def test_everything_newest_first(self, store: Store, ids: list[str]):
        assert found(store) == ids[::-1]

    def test_each_filter(self, store: Store, ids: list[str]):
        assert set(found(store, arms=["dann"])) == set(ids[::2])
        assert set(found(store, seeds=[1])) == set(ids[2:4])
        assert found(store, states=["failed"]) == []
        assert set(found(store, presets=["domain-adversarial/moons"], seeds=[0, 2])) == {*ids[:2], *ids[4:]}
        store.star([ids[3]])
        assert found(store, starred=True) == [ids[3]]

    def test_tags_must_all_be_there(self, store: Store, ids: list[str]):
        store.tag(ids[:3], ["a"])
        store.tag(ids[2:4], ["b"])
        assert found(store, tags=["a", "b"]) == [ids[2]]
        assert Library(store).choices().tags == ("a", "b")

    def test_search_takes_words_as_they_are(self, store: Store, ids: list[str]):
        store.rename(ids[1], "100% of_all")
        store.annotate(ids[2], "the 100 best")
        assert found(store, text="100%") == [ids[1]]
        assert found(store, text="of_a") == [ids[1]] and found(store, text="ofxa") == []
        assert found(store, text="BEST the") == [ids[2]]
        assert found(store, text=ids[4][:9]) == [ids[4]]
        assert found(store, text="' OR 1=1 --") == []

    def test_search_knows_small_and_great_letters_of_every_language(self, store: Store, ids: list[str]):
        store.rename(ids[1], "Übung Drei")
        store.annotate(ids[2], "ΑΛΦΑ, U\u0308bung")
        store.tag([ids[3]], ["Größe"])
        assert found(store, text="übung drei") == [ids[1]]
        assert set(found(store, text="übung")) == {ids[1], ids[2]}
        assert found(store, text="αλφα") == [ids[2]]
        assert found(store, text="GRÖSSE") == [ids[3]] and found(store, text="öße") == [ids[3]]

    def test_every_word_counts_however_many_there_are(self, store: Store, ids: list[str]):
        store.rename(ids[1], "a b c d e f g h i j")
        assert found(store, text="a b c d e f g h i j") == [ids[1]]
        assert found(store, text="a b c d e f g h i j k") == []
        many = " ".join(f"w{number}" for number in range(MOST_WORDS))
        assert found(store, text=many) == []
        with pytest.raises(InvalidRequest, match=r"at most 100 words, not 101\.$"):
            found(store, text=f"{many} one")

    def test_a_figure_that_is_no_number_hides_no_other(self, store: Store, ids: list[str]):
        for number in ("nan", "inf", "-inf"):
            store.change(ids[0], summary={"a": float(number), "target_accuracy": 0.75})
            (entry,) = Library(store).named([ids[0]])
            assert entry.metric == 0.75
        store.change(ids[0], summary={"target_accuracy": float("nan")})
        assert Library(store).named([ids[0]])[0].metric is None
        assert "target_accuracy" in Library(store).choices().metrics

    def test_a_run_without_a_name_is_found_and_put_in_order_by_the_title_of_its_preset(
        self, store: Store, ids: list[str]
    ):
        other = store.add(RunSpec(seed=77), preset="domain-adversarial/other")
        store.rename(ids[0], "mooring")
        titles = {"domain-adversarial/moons": "Two moons, turned", "domain-adversarial/other": "Aground"}
        library = Library(store, titles=titles)
        page = library.page(Wanted(text="TURNED two"))
        assert {entry.id for entry in page.entries} == set(ids)
        by_name = [entry.id for entry in library.page(Wanted(sort="name", descending=False)).entries]
        assert by_name == [other, ids[0], *ids[:0:-1]]
        assert not Library(store).page(Wanted(text="turned")).entries

    @pytest.mark.parametrize("sort", SORTINGS)
    def test_every_order_holds_every_run(self, store: Store, ids: list[str], sort: str):
        up, down = found(store, sort=sort, descending=False), found(store, sort=sort)
        assert set(up) == set(down) == set(ids)

    def test_by_the_main_result_each_run_has_its_own(self, store: Store, ids: list[str]):
        library = Library(store)
        store.change(ids[0], summary={"unseen_accuracy": 0.99, "target_accuracy": 0.01})
        store.change(ids[1], summary={"unseen_accuracy": 0.98})
        store.change(ids[2], summary={"adjusted_mutual_information": 0.97, "loss": 5.0})
        first, second, *_ = library.page(Wanted(metric="", sort="metric"), limit=10).entries
        assert [(first.id, first.metric), (second.id, second.metric)] == [(ids[1], 0.98), (ids[2], 0.97)]
        assert [entry.metric for entry in library.named([ids[0]], "")] == [0.01]
        assert [entry.metric for entry in library.named([ids[0]], "unseen_accuracy")] == [0.99]

    def test_by_metric_those_without_one_come_last(self, store: Store, ids: list[str]):
        store.change(ids[5], summary={"target_accuracy": float("nan")})
        assert found(store, sort="metric") == [*ids[4::-1], ids[5]]
        assert found(store, sort="metric", descending=False)[-1] == ids[5]

    def test_pages_join_without_gap(self, store: Store, ids: list[str]):
        library = Library(store)
        pages = [library.page(Wanted(), limit=4, offset=offset) for offset in (0, 4)]
        assert [entry.id for page in pages for entry in page.entries] == ids[::-1]
        assert [(page.offset, page.total) for page in pages] == [(0, 6), (4, 6)]

    def test_behind_the_last_page_lies_the_last_page(self, store: Store, ids: list[str]):
        library = Library(store)
        assert library.page(Wanted(), limit=4, offset=40) == library.page(Wanted(), limit=4, offset=4)
        assert library.page(Wanted(), limit=3, offset=6) == library.page(Wanted(), limit=3, offset=3)
        nothing = library.page(Wanted(text="no such run"), limit=3, offset=6)
        assert (nothing.entries, nothing.offset, nothing.total) == ((), 0, 0)

    def test_what_there_is_to_choose_from_follows_what_happens(self, store: Store, ids: list[str]):
        library = Library(store)
        before = library.choices()
        assert (before.seeds, before.tags, before.metrics) == ((0, 1, 2), (), ("target_accuracy",))
        assert library.choices() is before, "read once as long as nothing happens"
        store.tag(ids[:1], ["a"])
        assert library.choices().tags == ("a",)
        store.untag(ids[:1], ["a"])
        store.tag(ids[:1], ["b"])
        assert library.choices().tags == ("b",)
        new = store.add(RunSpec(seed=77), arm="other")
        assert (77 in library.choices().seeds, "other" in library.choices().arms) == (True, True)
        store.change(new, state="finished", summary={"loss": 1.0})
        assert library.choices().metrics == ("loss", "target_accuracy")
        store.discard([new])
        assert 77 not in library.choices().seeds

    def test_an_order_that_does_not_exist(self, store: Store):
        with pytest.raises(InvalidRequest, match="cannot be sorted"):
            Library(store).page(Wanted(sort="id; DROP TABLE runs"))

    def test_a_run_whose_spec_no_longer_validates_is_listed(self, store: Store, ids: list[str]):
        store.change(ids[0], spec='{"method": {"name": "of another age"}}')
        assert ids[0] in found(store)
        assert store.discard([ids[0]]) == [ids[0]]

    def test_recorded_runs_take_part_and_own_ones_hide_them(self, store: Store, ids: list[str], tmp_path: Path):
        other = Store(tmp_path / "other")
        only = other.add(RunSpec(seed=77), arm="recorded")
        other.add(RunSpec(method=Dann(), budget=Budget(steps=10)))  # ids[0]
        other.database.close()
        shipped = (Store(file=other.folder / Store.FILE),)
        assert set(found(store, shipped)) == {*ids, only}
        assert found(store, shipped, origin="recorded") == [only]
        store.star([only])
        assert found(store, shipped, starred=True) == [only]


class TestLabels:
    def test_they_are_cleaned(self, store: Store, ids: list[str]):
        store.rename(ids[0], "  <b>two\nlines\x00 ")
        store.tag([ids[0]], ["x", " x", "", "y "])
        assert (store.label(ids[0]).name, store.label(ids[0]).tags) == ("<b>two lines", ("x", "y"))
        store.rename(ids[0], " ")
        assert store.label(ids[0]).name is None

    def test_limits(self, store: Store, ids: list[str]):
        with pytest.raises(InvalidRequest, match="at most"):
            store.rename(ids[0], "x" * (LONGEST_NAME + 1))
        store.tag(ids[:1], [f"tag{number}" for number in range(MOST_TAGS)])
        with pytest.raises(InvalidRequest, match="at most"):
            store.tag(ids[1::-1], ["one more"])
        assert "one more" not in store.label(ids[1]).tags

    def test_only_identities_are_labelled(self, store: Store):
        with pytest.raises(InvalidRequest):
            store.rename("../../etc", "name")


class TestDeletion:
    def test_deleted_runs_disappear_and_come_back(self, store: Store, ids: list[str]):
        store.record_metrics(ids[0], [(1, {"a": 1.0})])
        assert store.discard(ids[:2]) == ids[:2]
        assert store.get(ids[0]) is None and set(found(store)) == set(ids[2:])
        assert [run.id for run in store.runs()] == ids[2:]
        with pytest.raises(InvalidRequest):
            store.require(ids[0])
        assert store.bring_back(ids[:1]) == 1
        assert store.latest(ids[0]) == {"a": 1.0} and store.get(ids[0]) is not None

    def test_a_deleted_run_that_is_asked_for_again_is_shown_not_trained(self, store: Store, ids: list[str]):
        spec = store.require(ids[0]).spec
        store.discard(ids[:1])
        assert store.add(spec) == ids[0]
        assert store.require(ids[0]).state == "finished"

    def test_a_run_that_trains_is_not_deleted(self, store: Store, ids: list[str]):
        store.change(ids[1], state="running")
        with pytest.raises(InvalidRequest, match="stop it"):
            store.discard(ids)
        assert store.discarded() == [] and len(found(store)) == 6

    def test_later_it_is_really_removed_with_its_weights(self, store: Store, ids: list[str]):
        for run in ids[:2]:
            store.run_folder(run).mkdir(parents=True)
            (store.run_folder(run) / "weights.safetensors").write_bytes(b"weights")
        store.tag(ids[:2], ["tag"])
        store.discard(ids[:2])
        store.bring_back(ids[1:2])
        assert store.purge(3600) == 0 and store.run_folder(ids[0]).exists()
        assert store.purge(0) == 1
        assert not store.run_folder(ids[0]).exists() and store.run_folder(ids[1]).exists()
        assert store.bring_back(ids[:1]) == 0 and store.label(ids[0]).tags == ()


class TestMigration:
    def test_labels_of_the_third_format_become_those_of_whoever_owns_the_lab(self, store: Store):
        run, gone = store.add(RunSpec(seed=1)), store.add(RunSpec(seed=2))
        connection = store.database.connection
        for table in ("labels", "tags", "visitors", "claims", "shares", "openings", "own_data", "service"):
            connection.execute(f"DROP TABLE {table}")
        connection.executescript(
            "CREATE TABLE labels (run TEXT PRIMARY KEY, name TEXT, note TEXT, starred INTEGER NOT NULL DEFAULT 0, "
            "deleted REAL);"
            "CREATE INDEX labels_deleted ON labels (deleted) WHERE deleted IS NOT NULL;"
            "CREATE TABLE tags (run TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (run, tag)) WITHOUT ROWID;"
            "CREATE INDEX tags_by_tag ON tags (tag, run);"
            f"INSERT INTO labels VALUES ('{run}', 'mine', 'note', 1, NULL), ('{gone}', NULL, NULL, 0, 5.0);"
            f"INSERT INTO tags VALUES ('{run}', 'x');"
            "PRAGMA user_version = 3;"
        )
        store.database.close()
        newer = Store(store.folder)
        label = newer.label(run)
        assert (label.name, label.note, label.starred, label.tags) == ("mine", "note", True, ("x",))
        assert newer.get(gone) is None and newer.discarded() == [(gone, 5.0)] and newer.get(run) is not None
        names = {row[0] for row in newer.database.rows("SELECT name FROM sqlite_master")}
        assert not any("format_3" in name for name in names) and {"labels_deleted", "tags_by_tag"} <= names
        assert (store.folder / "lab.format-3.sqlite").is_file()

    def test_an_older_store_is_migrated_and_a_copy_kept(self, store: Store, tmp_path: Path):
        parent = RunSpec(seed=1)
        child = RunSpec(seed=2, start=RunStart(spec=parent))
        store.add(child)
        connection = store.database.connection
        for table in ("labels", "tags", "origins"):
            connection.execute(f"DROP TABLE {table}")
        for index in ("listing", "by_preset", "by_arm", "by_seed"):
            connection.execute(f"DROP INDEX runs_{index}")
        connection.execute("PRAGMA user_version = 2")
        store.database.close()
        older = Store(file=store.folder / Store.FILE)  # recorded runs of an older format are read as they are
        assert {run.id for run in older.runs()} == {parent.content_hash, child.content_hash}
        assert older.label(child.content_hash).tags == ()
        newer = Store(store.folder)
        assert newer.database.rows("PRAGMA user_version")[0][0] == FORMAT
        assert lineage(newer, [child.content_hash]).generations == {parent.content_hash: 0, child.content_hash: 1}
        copy = sqlite3.connect(store.folder / "lab.format-2.sqlite")
        assert copy.execute("PRAGMA user_version").fetchone()[0] == 2
        assert copy.execute("SELECT count(*) FROM runs").fetchone()[0] == 2
        assert [path.name for path in store.folder.glob("*.partial")] == []


class TestLineage:
    def test_before_and_after(self, store: Store):
        first = RunSpec(seed=1)
        second = RunSpec(seed=2, start=RunStart(spec=first))
        third = RunSpec(seed=3, start=RunStart(spec=second))
        fork = RunSpec(seed=4, start=CheckpointStart(run=first.content_hash, step=3))
        store.add(third)
        store.add(fork, parent=first.content_hash)
        tree = lineage(store, [second.content_hash])
        assert tree.generations == {first.content_hash: 0, second.content_hash: 1, third.content_hash: 2}
        assert len(lineage(store, [first.content_hash]).arrows) == 3
        kinds = {arrow.run: arrow.kind for arrow in lineage(store, [fork.content_hash]).arrows}
        assert kinds == {fork.content_hash: "checkpoint"}

    def test_differences_are_only_what_differs(self):
        one, other = RunSpec(method=Dann(), seed=1), RunSpec(method=SourceOnly(), seed=1)
        rows = spec_differences([one, other, one])
        assert rows["method.name"] == ["dann", "source_only", "dann"]
        assert rows["method.lambda_max"][1] == "—" and "seed" not in rows
        assert spec_differences([one, one]) == {}


class TestRoom:
    def test_limit_is_read_and_kept(self, store: Store, ids: list[str], monkeypatch: pytest.MonkeyPatch):
        assert store_limit() is None and usage(store).total > 0
        for text, size in (("5 GB", 5 * 10**9), ("1.5m", 1_500_000), ("100", 100)):
            monkeypatch.setenv("TLCORE_STORE_LIMIT", text)
            assert store_limit() == size
        assert "more than its limit of 100 bytes" in usage(store).sentence()
        with pytest.raises(OutOfSpace, match="limit"):
            require_room(store, 1)
        monkeypatch.setenv("TLCORE_STORE_LIMIT", "much")
        with pytest.raises(InvalidRequest, match="no size"):
            store_limit()
