"""A hosted lab without a browser: what each visitor is shown, and what an attacker gets by addresses and messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from tlcore.execution.local import LocalExecutor
from tlcore.presets import all_presets
from tlcore.runs import Store
from tlcore.runs.identity import new_owner_key, new_pass, owner_key, signing_key, visitor_of_pass
from tlcore.runs.service import Service
from tlcore.runs.visitors import Visitor, VisitorStore
from tlcore.specs import override
from ui.signing_in import KEPT_PLACES, Place, Places, places

PAGES = Path(__file__).parents[2] / "pages"
APP = f"""
import streamlit as st
from ui.entrance import enter
names = ["runs", "domain_adversarial", "data", "owner"]
first = st.query_params.get("page", "runs")
page = st.navigation([st.Page({str(PAGES)!r} + f"/{{name}}.py", default=name == first) for name in names])
enter(page.run)
"""
PRESET = all_presets()["domain-adversarial/moons"]
SCRIPT = "<script>alert(1)</script>"
Open = Callable[..., AppTest]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("TLCORE_STORE", str(tmp_path))
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TLCORE_HOSTED", "1")
    monkeypatch.setattr(LocalExecutor, "ensure_supervisor", lambda self: None)  # what is queued stays so
    st.cache_resource.clear()
    st.cache_data.clear()
    yield Store(tmp_path)
    st.cache_resource.clear()
    st.cache_data.clear()


class Person:
    """Somebody with a browser."""

    def __init__(self, store: Store) -> None:
        self.given = new_pass(signing_key(store.folder))
        identity = visitor_of_pass(self.given, signing_key(store.folder))
        assert identity is not None
        self.store = VisitorStore(store, Visitor(identity))

    def opens(self, page: str = "runs", **query: str | list[str]) -> AppTest:
        app = AppTest.from_string(APP, default_timeout=60)
        app.session_state["_visitor_pass"] = self.given
        app.query_params["page"] = page
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        return app

    def trained(self, seed: int) -> str:
        run = self.store.add(override(PRESET.arms, {"seed": seed})["dann"], preset=PRESET.identity, arm="dann")
        self.store.record_metrics(run, [(0, {"target_accuracy": 0.5})])
        self.store.change(run, state="finished", step=10, seconds=2.0, summary={"target_accuracy": 0.75})
        return run


def words(app: AppTest) -> str:
    """Everything a person could read."""
    parts = [str(block.value) for kind in ("markdown", "caption", "error", "warning", "info", "success", "code")
             for block in getattr(app, kind)]  # fmt: skip
    return " ".join([*parts, *(str(table.value) for table in app.dataframe), str(app.main)])


def test_each_sees_their_own_runs_alone_whatever_the_address_says(store: Store):
    ann, ben = Person(store), Person(store)
    hers = ann.trained(7)
    assert hers[:8] in words(ann.opens(run=[hers]))
    theirs, nothing = ben.opens(run=[hers]), ben.opens(run=["0" * 16])
    assert hers[:8] not in words(theirs)
    assert theirs.caption[-1].value == nothing.caption[-1].value


def test_a_link_shows_a_run_and_leaves_the_address(store: Store):
    ann, ben = Person(store), Person(store)
    run, token = ann.trained(7), ""
    page = ann.opens(run=[run])
    page.button(key="share-make").click().run()
    (share,) = ann.store.shares()
    token = share.token
    assert token in words(page)
    opened = ben.opens(share=token)
    assert "share" not in opened.query_params and run[:8] in words(opened)
    assert "shows nothing" in words(ben.opens(share="x" * 32))
    page.button(key=f"unshare-{token}").click().run()
    assert run[:8] not in words(ben.opens(run=[run]))


def test_a_forged_pass_is_a_stranger(store: Store):
    ann, thief = Person(store), Person(store)
    run = ann.trained(7)
    thief.given = f"{ann.store.visitor}.{'0' * 64}"
    assert run[:8] not in words(thief.opens(run=[run]))


def test_train_says_why_it_cannot_and_the_server_checks_again(store: Store):
    (store.folder / "hosted.toml").write_text("[limits]\nsteps = 100")
    page = Person(store).opens("domain_adversarial", preset="moons")
    train = next(button for button in page.button if button.key == "train")
    assert train.disabled and "at most 100 steps" in words(page)
    train.proto.disabled = False  # a browser can send the message all the same
    train.click().run()
    assert store.runs() == []
    page = Person(store).opens("domain_adversarial", preset="moons", set="budget.steps=100")
    train = next(button for button in page.button if button.key == "train")
    assert not train.disabled and "each of at most 100 steps" in train.help
    train.click().run()
    assert {run.spec.budget.steps for run in store.runs()} == {100}


def test_viewers_watch_and_a_drained_server_says_why(store: Store):
    (store.folder / "hosted.toml").write_text('[people]\nanonymous = "viewer"')
    page = Person(store).opens("domain_adversarial", preset="moons")
    assert next(button for button in page.button if button.key == "train").disabled
    assert "only those whom its owner lets may train" in words(page)
    (store.folder / "hosted.toml").write_text("")
    Service(store.database).drain(True)
    assert "readied for maintenance" in words(Person(store).opens("domain_adversarial", preset="moons"))


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A server with a login, and whoever has signed in with it."""
    monkeypatch.setattr("ui.visitor.can_sign_in", lambda: True)
    monkeypatch.setattr("ui.signing_in.can_sign_in", lambda: True)

    def sign_in(**said: object) -> None:
        user = {"is_logged_in": True, "iss": "https://issuer", "sub": repr(said), **said}
        monkeypatch.setattr(st, "user", SimpleNamespace(get=user.get, is_logged_in=True))

    return sign_in


def test_a_login_gives_rights_by_its_verified_address_alone(store: Store, login: Callable[..., None]):
    (store.folder / "hosted.toml").write_text(
        '[people]\nanonymous = "viewer"\nowners = ["ada@b.org"]\ntrainers = ["@b.org"]'
    )
    person = Person(store)
    stranger = person.opens("domain_adversarial", preset="moons")
    assert stranger.button(key="sign-in") and stranger.button(key="train").disabled
    for said, text, disabled in (
        ({"email": "ada@b.org", "email_verified": True}, "Signed in as ada", False),
        ({"email": "ada@b.org", "email_verified": False}, "does not call verified", True),
        ({"email": "x@elsewhere.org", "email_verified": True}, "Signed in as x", True),
        ({"email": f"{SCRIPT}@b.org", "email_verified": True}, "Signed in as", False),
    ):
        login(**said)
        app = person.opens("domain_adversarial", preset="moons")
        assert app.button(key="sign-out") and app.button(key="train").disabled == disabled, said
        shown = " ".join(caption.value for caption in app.sidebar.caption)
        assert text in shown and "<script>" not in shown


def test_who_signs_in_comes_back_to_the_page_they_did_it_from(store: Store, login: Callable[..., None]):
    person, other = Person(store), Person(store)
    places().keep(person.given, Place("domain_adversarial", {"preset": ["moons"], "seed": ["3"]}))
    login(email="x@b.org", email_verified=True)

    def trains(app: AppTest) -> bool:
        return any(button.key == "train" for button in app.button)

    run, others = person.trained(7), other.trained(8)
    assert not trains(other.opens()), "not where somebody else was"
    assert store.database.rows("SELECT visitor FROM claims WHERE run = ?", others)[0][0] == other.store.visitor
    app = person.opens()
    assert trains(app) and app.query_params["seed"] == "3"
    assert any("before you signed in: 1 run" in caption.value for caption in app.sidebar.caption)
    assert store.database.rows("SELECT visitor FROM claims WHERE run = ?", run)[0][0] != person.store.visitor
    assert not trains(person.opens()), "once"
    places().keep(person.given, Place("../app", {}))
    assert not trains(person.opens()), "only pages"


def test_places_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    kept = Places()
    for number in range(KEPT_PLACES + 1):
        kept.keep(str(number), Place("runs", {}))
    assert kept.take("0") is None and kept.take("1") == Place("runs", {}), "the oldest first"
    monkeypatch.setattr("ui.signing_in.KEPT_SECONDS", 0)
    assert kept.take("2") is None, "after a while"


def test_the_owners_page_opens_with_the_key_alone(store: Store):
    ann = Person(store)
    page = ann.opens("owner")
    assert "owner of this server" in words(page) and not any(button.key == "owner-drain" for button in page.button)
    page.text_input(key="owner-key").set_value("0" * 64)
    next(button for button in page.button if button.label == "Open").click().run()
    assert "not the key" in words(page)
    page.text_input(key="owner-key").set_value(owner_key(signing_key(store.folder)))
    next(button for button in page.button if button.label == "Open").click().run()
    page.button(key="owner-drain").click().run()
    assert Service(store.database).draining and not page.exception
    page.button(key="owner-drain").click().run()
    assert not Service(store.database).draining
    page.button(key="owner-leave").click().run()
    assert "owner of this server" in words(page)


def press_open(page: AppTest, key: str) -> AppTest:
    page.text_input(key="owner-key").set_value(key)
    return next(button for button in page.button if button.label == "Open").click().run()


def test_the_owners_page_opens_with_the_key_whose_mark_the_server_was_given(store: Store, monkeypatch):
    (key, mark), (other, others_mark) = new_owner_key(), new_owner_key()
    monkeypatch.setenv("TLCORE_OWNER_MARK", mark)
    ann = Person(store)
    page = ann.opens("owner")
    for wrong in (other, mark):
        assert "not the key" in words(press_open(page, wrong))
    assert any(button.key == "owner-drain" for button in press_open(page, key).button)
    monkeypatch.setenv("TLCORE_OWNER_MARK", others_mark)
    assert "owner of this server" in words(ann.opens("owner")), "who knew the old key is no owner with the new one"
    monkeypatch.setenv("TLCORE_OWNER_MARK", "paste it here")
    assert "--new-owner-key" in words(ann.opens("owner"))


def test_keys_and_what_the_owner_does_are_logged_without_a_secret(store: Store, caplog):
    caplog.set_level("INFO", "tlcore.owner")
    ann = Person(store)
    page = press_open(ann.opens("owner"), "a wrong key")
    page = press_open(page, owner_key(signing_key(store.folder)))
    page.button(key="owner-drain").click().run()
    page.button(key="owner-drain").click().run()
    page.button(key="owner-leave").click().run()
    records = [record for record in caplog.records if record.name == "tlcore.owner"]
    assert [(record.levelname, record.getMessage(), getattr(record, "action", None)) for record in records] == [
        ("WARNING", "a wrong owner's key", None),
        ("INFO", "a visitor has become the owner by the key", None),
        ("INFO", "the owner acts", "drain"),
        ("INFO", "the owner acts", "end maintenance"),
        ("INFO", "an owner is an ordinary visitor again", None),
    ]
    said = str([vars(record) for record in records])
    assert {record.visitor for record in records} == {ann.store.visitor[:6]} and ann.store.visitor not in said
    assert "a wrong key" not in said and owner_key(signing_key(store.folder)) not in said


def test_names_of_runs_are_text_and_never_markup(store: Store):
    ann = Person(store)
    run = ann.trained(7)
    ann.store.rename(run, f"{SCRIPT} **bold** :red[x]")
    ann.store.annotate(run, SCRIPT)
    ann.store.tag([run], ["<img src=x onerror=alert(1)>"])
    page = ann.opens(run=[run])
    for block in page.main:
        if block.type in ("html", "markdown"):
            assert "<script>" not in str(block.value) and "<img src=x" not in str(block.value)


def test_settings_that_cannot_be_read_show_nothing_to_anybody(store: Store):
    ann = Person(store)
    run = ann.trained(7)
    (store.folder / "hosted.toml").write_text("[limits]\nsteps = -1")
    page = ann.opens(run=[run])
    assert run[:8] not in words(page) and "limits.steps" in words(page)


HOSTILE = some.one_of(
    some.text(max_size=60),
    some.sampled_from([SCRIPT, "../../etc/passwd", "' OR 1=1 --", "%00", "a" * 5000, "-1", "1e999", "{}", '{"name":']),
)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    page=some.sampled_from(["runs", "domain_adversarial", "data", "owner"]),
    query=some.dictionaries(
        some.sampled_from(["preset", "seeds", "seed", "set", "fork", "run", "share", "view", "own", "source", "q"]),
        HOSTILE, max_size=4,
    ),
)  # fmt: skip
def test_no_address_brings_down_a_page(store: Store, page: str, query: dict[str, str]):
    app = Person(store).opens(page, **query)
    assert SCRIPT not in "".join(str(block.value) for block in app.main if block.type == "html")
