"""The animals: their table, how they are drawn, and that what is unseen stays unseen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tlcore.catalogue.creature_table import ATTRIBUTES, creature_table, read_creature_table
from tlcore.catalogue.creatures import drawing
from tlcore.catalogue.creatures.drawing import Part, draw_part, draw_share
from tlcore.catalogue.creatures.figure import View, ellipse, fringed, limb
from tlcore.catalogue.creatures.render import draw_creature
from tlcore.data.creatures import load
from tlcore.data.creatures.load import load_creatures
from tlcore.data.zero_shot import ZeroShotData
from tlcore.errors import InvalidRequest, MissingData
from tlcore.specs.creatures import Creatures

SMALL = Creatures(pictures=10, test_pictures=5, side=16, tuning_classes=10)
TABLE = creature_table()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def data(kept: Path, monkeypatch: pytest.MonkeyPatch) -> ZeroShotData:
    monkeypatch.setenv("TLCORE_DATA", str(kept))
    return load_creatures(SMALL, 0)


class TestTable:
    def test_it_is_large_enough(self) -> None:
        assert len(TABLE.names) >= 44 and len(TABLE.attributes) >= 24 and (~TABLE.seen).sum() >= 12
        assert TABLE.values.shape == (len(TABLE.names), len(TABLE.attributes))
        assert TABLE.values.min() >= 0 and TABLE.values.max() <= 1

    def test_every_animal_differs_from_every_other(self) -> None:
        distances = np.abs(TABLE.values[:, None] - TABLE.values[None]).sum(axis=2)
        np.fill_diagonal(distances, np.inf)
        assert distances.min() >= 1.0
        assert distances[~TABLE.seen].min() >= 2.0 - 1e-6

    def test_every_attribute_can_be_learned_from_several_seen_animals(self) -> None:
        seen = TABLE.values[TABLE.seen]
        assert ((seen >= 0.5).sum(axis=0) >= 3).all() and ((seen < 0.5).sum(axis=0) >= 3).all()

    def test_its_numbers_are_those_of_the_file(self) -> None:
        vector = dict(zip(TABLE.attributes, TABLE.vector("zebra").tolist(), strict=True))
        assert vector["stripes"] == 1 and vector["four legs"] == 1 and vector["flies"] == 0
        assert not TABLE.seen[TABLE.names.index("zebra")]
        with pytest.raises(KeyError):
            TABLE.vector("unicorn")

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", "must begin with the header"),
            ("animal,split,fur,fur\na,seen,1,0\n", "two attributes of one name"),
            ("animal,split,fur\na,seen,1,0\n", "Row 2 of .* has 4 cells instead of 3"),
            ("animal,split,fur\na,seen,1\na,seen,0\n", "Row 3 of .* has no name of its own"),
            ("animal,split,fur\na,later,1\n", "the split “later”"),
            ("animal,split,fur\na,seen,2\n", "“2” for fur; it must be from 0 to 1"),
            ("animal,split,fur\na,seen,x\n", "“x” for fur"),
            ("animal,split,fur\na,seen,nan\n", "“nan” for fur"),
            ("animal,split,fur\na,seen,1\nb,unseen,1\n", "two animals with the same attributes"),
        ],
    )
    def test_refused(self, text: str, sentence: str, tmp_path: Path) -> None:
        path = tmp_path / "animals.csv"
        path.write_text(text)
        with pytest.raises(ValueError, match=sentence):
            read_creature_table(path)

    def test_an_empty_cell_is_zero(self, tmp_path: Path) -> None:
        path = tmp_path / "animals.csv"
        path.write_text("animal,split,fur,fins\na,seen,,1\n\nb,unseen,0.5,\n")
        table = read_creature_table(path)
        assert table.values.tolist() == [[0, 1], [0.5, 0]] and table.seen.tolist() == [True, False]
        assert table.content != TABLE.content


class TestDrawing:
    def test_the_same_seed_gives_the_same_picture_and_another_seed_another(self) -> None:
        one, again = (draw_creature(TABLE.values[3], 32, [1, 2]) for _ in range(2))
        assert one.shape == (32, 32, 3) and one.dtype == np.uint8
        assert np.array_equal(one, again)
        others = {draw_creature(TABLE.values[3], 32, [1, number]).tobytes() for number in range(40)}
        assert len(others) == 40

    def test_pictures_of_one_animal_vary_much(self) -> None:
        pictures = np.stack([draw_creature(TABLE.values[0], 32, [4, number]) for number in range(12)]).astype(float)
        apart = [np.abs(one - other).mean() for n, one in enumerate(pictures) for other in pictures[:n]]
        assert min(apart) > 12

    @pytest.mark.parametrize("attribute", ATTRIBUTES)
    def test_every_attribute_changes_pixels(self, attribute: str) -> None:
        column = ATTRIBUTES.index(attribute)
        changed = []
        for animal in range(0, len(TABLE.names), 7):
            vector = TABLE.values[animal].copy()
            pictures = []
            for value in (0.0, 1.0):
                vector[column] = value
                pictures.append(draw_creature(vector, 32, [5, animal], clean=True).astype(int))
            changed.append((np.abs(pictures[0] - pictures[1]).max(axis=2) > 24).mean())
        assert np.median(changed) > 0.025, "on most animals it must be seen at once"
        assert min(changed) > 0.0005, "on no animal may it be without effect"

    def test_half_an_attribute_is_between_none_and_all(self) -> None:
        vector = TABLE.vector("horse")
        column = ATTRIBUTES.index("long neck")
        pictures = []
        for value in (0.0, 0.5, 1.0):
            vector[column] = value
            pictures.append(draw_creature(vector, 64, 9, clean=True).astype(float))
        apart = [np.abs(pictures[a] - pictures[b]).mean() for a, b in ((0, 1), (1, 2), (0, 2))]
        assert min(apart[:2]) > 0 and apart[2] > max(apart[:2])

    def test_nothing_and_everything_can_be_drawn(self) -> None:
        pictures = [draw_creature(np.full(len(ATTRIBUTES), value), 48, 1) for value in (0.0, 0.5, 1.0)]
        assert all(picture.std() > 5 for picture in pictures)

    def test_a_small_picture_is_the_large_one_made_smaller(self) -> None:
        vector = TABLE.vector("giraffe")
        large = draw_creature(vector, 128, 3, clean=True).astype(float)
        small = draw_creature(vector, 32, 3, clean=True).astype(float)
        shrunk = large.reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
        assert np.abs(shrunk - small).mean() < 12
        assert np.abs(shrunk[:, ::-1] - small).mean() > 20

    @pytest.mark.parametrize("values", [[0.0], np.full(len(ATTRIBUTES), 1.5), np.full(len(ATTRIBUTES), np.nan)])
    def test_refused(self, values: list[float] | np.ndarray) -> None:
        with pytest.raises(ValueError, match="attributes from 0 to 1"):
            draw_creature(values, 32, 0)


class TestOutlines:
    def test_a_straight_limb_is_as_wide_as_it_says(self) -> None:
        outline = limb([(0, 0), (1, 0), (2, 0)], (0.1, 0.1))
        assert np.allclose(np.abs(outline[:12, 1]), 0.1) and np.allclose(outline[0], (0, 0.1))
        assert outline[:, 0].min() == 0 and outline[:, 0].max() == pytest.approx(2.1)  # with its tip

    def test_a_limb_passes_through_its_points(self) -> None:
        through = [(0.0, 0.0), (1.0, 0.5), (2.0, -0.5), (2.5, 1.0)]
        outline = limb(through, (0.0, 0.0))
        middle = outline[:12]
        for knot in (0, -1):
            assert np.allclose(middle[knot], through[knot])
        assert np.abs(middle - (1.0, 0.5)).sum(axis=1).min() < 0.15

    def test_an_ellipse_turned_by_a_quarter(self) -> None:
        turned = ellipse((1, 2), (3, 1), angle=np.pi / 2)
        assert np.allclose(((turned[:, 0] - 1) / 1) ** 2 + ((turned[:, 1] - 2) / 3) ** 2, 1)

    def test_every_second_point_of_a_fringe_stands_out(self) -> None:
        ring = ellipse((0, 0), (1, 1))
        reach = np.hypot(*fringed(ring, 0.1, np.full(24, 0.5)).T)
        assert np.allclose(reach[::2], 1.1) and np.allclose(reach[1::2], 0.98)

    def test_many_lines_are_placed_as_one_by_one(self) -> None:
        view = View(2, 0.5, 1, -0.5, 3, 4)
        lines = np.random.default_rng(0).normal(size=(3, 5, 2))
        assert view.each(lines) == [view.flat(line) for line in lines]
        assert view.flat(np.array([[1.0, 2.0]])) == [4.0, 9.5]


class TestData:
    def test_parts_and_sizes(self, data: ZeroShotData) -> None:
        seen, unseen = int(TABLE.seen.sum()), int((~TABLE.seen).sum())
        sizes = [len(part) for part in (data.train, data.validation, data.test_seen, data.test_unseen)]
        assert sizes == [9 * seen, seen, 5 * seen, 5 * unseen]
        assert data.input_shape == (3, 16, 16) and data.class_names == TABLE.names
        assert torch.bincount(data.validation.labels, minlength=len(data.seen))[data.seen].eq(1).all()

    def test_every_picture_carries_the_attributes_of_its_animal(self, data: ZeroShotData) -> None:
        for part in (data.train, data.validation, data.test_seen, data.test_unseen):
            assert part.attributes is not None and part.attribute_names == TABLE.attributes
            assert torch.equal(part.attributes, data.class_vectors[part.labels])

    def test_a_picture_is_of_the_animal_its_label_says(self, data: ZeroShotData) -> None:
        for part, test in ((data.train, 0), (data.test_unseen, 1)):
            row = len(part) // 2
            name = TABLE.names[int(part.labels[row])]
            drawn = [
                draw_creature(TABLE.vector(name), 16, [test, number, *name.encode()]).transpose(2, 0, 1)
                for number in range(10)
            ]
            assert any(np.array_equal(picture, part.inputs[row].numpy()) for picture in drawn)

    def test_no_unseen_picture_or_label_is_learned_from(self, data: ZeroShotData) -> None:
        unseen = set(data.unseen_classes.tolist())
        for part in (data.train, data.validation, data.test_seen):
            assert not unseen & set(part.labels.tolist())
        pictures = {picture.numpy().tobytes() for picture in data.test_unseen.inputs}
        pictures |= {picture.numpy().tobytes() for picture in data.test_seen.inputs}
        assert len(pictures) == len(data.test_unseen) + len(data.test_seen)
        assert not pictures & {p.numpy().tobytes() for part in (data.train, data.validation) for p in part.inputs}

    def test_the_seed_divides_and_does_not_draw(self, data: ZeroShotData, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(load, "draw_part", lambda *_: pytest.fail("drawn again"))
        other, same = load_creatures(SMALL, 1), load_creatures(SMALL, 0)
        assert torch.equal(same.train.inputs, data.train.inputs) and torch.equal(same.tuning, data.tuning)
        assert not torch.equal(other.validation.identities, data.validation.identities)
        assert not torch.equal(other.tuning, data.tuning) and int(other.tuning.sum()) == 10
        assert torch.equal(other.test_unseen.inputs, data.test_unseen.inputs)

    def test_a_folder_that_cannot_be_written_to(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "file"))
        spec = Creatures(pictures=10, test_pictures=5, side=16, tuning_classes=2)
        table = replace(TABLE, names=TABLE.names[:6], values=TABLE.values[:6], seen=TABLE.seen[:6])
        data = load_creatures(spec, 0, table)
        assert len(data.train) == 9 * int(table.seen.sum()) and len(data.test_unseen) == 5 * int((~table.seen).sum())

    def test_refused(self) -> None:
        with pytest.raises(MissingData, match="has changed since"):
            load_creatures(SMALL.model_copy(update={"content": "0" * 16}), 0)
        few = replace(TABLE, names=TABLE.names[:6], values=TABLE.values[:6], seen=TABLE.seen[:6])
        with pytest.raises(InvalidRequest, match="some must be unseen"):
            load_creatures(SMALL, 0, few)
        with pytest.raises(InvalidRequest, match="some must be unseen"):
            load_creatures(SMALL, 0, replace(TABLE, seen=np.ones_like(TABLE.seen)))


class TestDrawingOnAllCores:
    PART = Part((0, 3, 5), 4, 16, test=True, content=TABLE.content)

    @pytest.fixture
    def shared(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(drawing, "FEWEST_EACH", 4)
        monkeypatch.setattr("os.sched_getaffinity", lambda process: range(3), raising=False)

    def alone(self) -> np.ndarray:
        pictures = np.empty(self.PART.shape, np.uint8)
        draw_share(self.PART, TABLE, pictures, 0, len(pictures))
        return pictures

    def test_who_draws_makes_no_difference(self, shared: None, tmp_path: Path) -> None:
        own: list[str] = []
        draw_part(self.PART, TABLE, tmp_path / "animals", lambda text, share: own.append(text))
        assert own == ["Drawing animals"], "the shares of the others were drawn by others"
        np.testing.assert_array_equal(np.load(tmp_path / "animals"), self.alone())

    def test_what_a_process_leaves_undone_is_drawn_here(
        self, shared: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.executable", "/bin/false")
        draw_part(self.PART, TABLE, tmp_path / "animals")
        np.testing.assert_array_equal(np.load(tmp_path / "animals"), self.alone())

    def test_a_run_that_is_stopped_meanwhile_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(text: str, share: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
        with pytest.raises(KeyboardInterrupt):
            load_creatures(SMALL, 0, report=stop)
        assert [path.name for path in (tmp_path / "cache").iterdir()] == [".creatures.lock"]
