"""The zero-shot page as a visitor finds it, on the runs that ship with the lab and without a browser."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import open_page, store, text_of  # noqa: F401
from tlcore.gallery import recorded
from tlcore.runs import Store

PAGE = "zero_shot.py"


def html_of(test: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in test.get("html"))


def choose(test: AppTest, key: str, option: str) -> None:
    next(one for one in test.segmented_control if one.key == key).set_value(option).run()
    assert not test.exception


def chosen(test: AppTest, label: str) -> str:
    box = next(one for one in test.selectbox if one.label == label)
    return box.options[box.index]


def test_the_bars_name_the_run_whose_guesses_they_are(store: Store) -> None:  # noqa: F811
    test = open_page(PAGE)
    assert "The bars are guesses of another run, “Attribute prediction”. “Joint space, margin” guesses" in text_of(test)
    choose(test, "look-into", "attributes")
    assert "The bars are guesses" not in text_of(test)


def test_the_slider_begins_where_nothing_is_taken_from_the_scores(store: Store) -> None:  # noqa: F811
    test = open_page(PAGE)
    assert "Constant 0.00: seen 92.7%, unseen 41.1%" in text_of(test)


def test_what_is_looked_at_first_follows_the_model_until_somebody_chooses(store: Store) -> None:  # noqa: F811
    test, first = open_page(PAGE), {}
    for arm in ("margin", "ale", "attributes", "margin"):
        choose(test, "look-into", arm)
        first.setdefault(arm, chosen(test, "A test picture of"))
        assert chosen(test, "A test picture of") == first[arm] == chosen(test, "Begin with")
    assert len(set(first.values())) > 1, "so there is something to follow"
    box = next(one for one in test.selectbox if one.label == "A test picture of")
    box.select_index(7).run()
    wanted = chosen(test, "A test picture of")
    assert wanted not in first.values()
    choose(test, "look-into", "ale")
    assert chosen(test, "A test picture of") == wanted


def test_the_caption_says_what_the_lines_of_recorded_films_go_by(store: Store) -> None:  # noqa: F811
    assert "by distance; it is called by the largest product" in text_of(open_page(PAGE))


def test_published_figures_are_printed_with_their_tolerance_and_what_differs(store: Store) -> None:  # noqa: F811
    test = open_page(PAGE, preset="awa2")
    told = html_of(test)
    assert "0.586 <small>± .04</small>" in told and "0.625 <small>± .10</small>" in told
    assert "0.000 <small>± .10</small>" in told, "DAP's harmonic mean is known, and it is 0"
    assert "**ESZSL**: γ and λ chosen on held-out seen classes there as here" in text_of(test)
    assert "**DeViSE, ALE**: rate, margin and passes chosen on the validation classes; here" in text_of(test)
    assert "Published:" not in text_of(open_page(PAGE))


def test_counts_of_classes_are_told_of_the_unseen_ones_alone(store: Store) -> None:  # noqa: F811
    assert "99 animals are shown in training and 18 are not" in html_of(open_page(PAGE))
    told = html_of(open_page(PAGE, set="data.unseen=tuning"))
    assert "99 animals" not in told and "held out and play the unseen ones" in told


def test_what_the_collapse_points_at_is_so_in_the_recorded_runs(store: Store) -> None:  # noqa: F811
    test = open_page(PAGE, preset="collapse")
    assert "What the joint spaces are trained by" in html_of(test)
    shipped = recorded("zero-shot/collapse")
    assert shipped is not None
    arms = []
    for run in shipped.runs(limit=20):
        metrics = shipped.metrics(run.id)
        loss, described = metrics["class_loss"].values, metrics["description_spread"].values
        pictures = metrics["picture_spread"].values
        arms.append(run.spec.method.name)
        if arms[-1] == "naive":
            assert loss.max() > loss[0] and loss[-1] < loss[0] / 1000
            assert 0.08 < described[-1] / described[0] < 0.12
            assert pictures.max() > 100 * pictures[0] and pictures[-1] < 0.02
        else:
            assert 0.2 < loss[-1] / loss[0] < 0.3
            assert described[-1] / described[0] > 0.9 and pictures[-1] > 100 * pictures[0]
    assert sorted(arms) == ["margin"] * 3 + ["naive"] * 3
