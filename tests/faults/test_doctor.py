"""What the doctor finds, and that it says what to do about it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.execution.conftest import spec_of
from tlcore.execution import doctor
from tlcore.execution.doctor import Check, checks
from tlcore.runs import Store


@pytest.fixture
def findings(tmp_path: Path, monkeypatch):
    """Ask the doctor, who need not import torch for it."""
    monkeypatch.setattr(doctor, "_libraries", lambda: iter([Check("torch", True, "there")]))
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("TLCORE_HOSTED", raising=False)
    return lambda: {check.name: check for check in checks(tmp_path / "store")}


def test_a_healthy_machine(findings):
    found = findings()
    assert all(check.good for check in found.values()), found
    assert list(found) == ["torch", "processor", "disk", "data", "store", "worker", "hosting", "log"]
    assert "TLCORE_HOSTED=1" in found["hosting"].text


def test_runs_that_wait_without_a_worker(findings, tmp_path):
    Store(tmp_path / "store").add(spec_of(1))
    worker = findings()["worker"]
    assert not worker.good and "1 runs wait" in worker.text and "tlcore worker --store" in worker.text


def test_settings_that_cannot_be_understood(findings, tmp_path, monkeypatch):
    monkeypatch.setenv("TLCORE_HOSTED", "perhaps")
    monkeypatch.setenv("TLCORE_LOG", "xml")
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    found = findings()
    assert [name for name, check in found.items() if not check.good] == ["data", "hosting", "log"]
    assert "write 1 or 0" in found["hosting"].text and "TLCORE_DATA" in found["data"].text


def test_a_hosted_lab_is_not_run_by_the_superuser_and_wants_an_owner(findings, monkeypatch):
    monkeypatch.setenv("TLCORE_HOSTED", "1")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "superuser" in findings()["hosting"].text and not findings()["hosting"].good
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert findings()["hosting"].good and "--owner-key" in findings()["hosting"].text


def test_what_is_there_and_cannot_be_imported_is_named(monkeypatch, tmp_path):
    (tmp_path / "umap").mkdir()
    (tmp_path / "umap" / "__init__.py").write_text("raise OSError('a library\\nis torn')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(doctor, "requirements_text", lambda: "umap-learn\nplatformdirs")
    torch, imports = doctor._libraries()
    assert torch.good and not imports.good
    assert "umap: OSError: a library is torn" in imports.text and "platformdirs" not in imports.text


def test_a_process_that_ends_while_it_imports_is_said(monkeypatch, tmp_path):
    (tmp_path / "torch.py").write_text("import os\nos._exit(9)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (torch,) = doctor._libraries()
    assert not torch.good and "status 9" in torch.text
