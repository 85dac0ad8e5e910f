"""The files by which the lab is put on a server agree with each other and with the lab."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
NGINX = (ROOT / "deploy" / "nginx" / "lab.conf").read_text()
PORT = "8501"


def unit(path: Path) -> dict[str, list[str]]:
    """The settings of a unit; some stand more than once."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_everybody_means_the_same_port():
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [PORT]
    assert f"--server.port={PORT}" in DOCKERFILE and f":{PORT}/_stcore/health" in DOCKERFILE
    front_matter = (ROOT / "deploy" / "huggingface" / "README.md").read_text().split("---")[1]
    assert f"app_port: {PORT}\n" in front_matter and "sdk: docker\n" in front_matter
    assert set(re.findall(r"proxy_pass http://127\.0\.0\.1:(\d+)", NGINX)) == {PORT}
    assert f"--server.port={PORT}" in (ROOT / "deploy" / "systemd" / "lab.service").read_text()


def test_the_image_holds_what_the_lab_needs_and_nothing_else():
    copied = re.findall(r"^COPY (?!--from)(?:--chown=\S+ )?(.+)$", DOCKERFILE, re.MULTILINE)
    names = {name for line in copied for name in line.split()[:-1]}
    assert all((ROOT / name).exists() for name in names)
    assert {"app.py", "pages", "ui", "tlcore", ".streamlit", "requirements.txt"} <= names
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert names == {name.removesuffix("/config.toml") for name in allowed}, "what is copied is not ignored, and back"
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for path in [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "ui").glob("*.py")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not imported & {"benchmarks", "tests"}


def test_the_image_runs_as_a_user_without_rights_of_the_number_that_spaces_want():
    assert "useradd --uid 1000" in DOCKERFILE
    final = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert re.findall(r"^USER (\S+)$", final, re.MULTILINE) == ["1000"]
    assert final.index("USER 1000") < final.index("\nCMD")
    assert "HEALTHCHECK" in final and "TLCORE_HOSTED=1" in final


def test_python_and_torch_are_those_that_the_lab_supports():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    version = re.search(r"^ARG PYTHON=3\.(\d+)$", DOCKERFILE, re.MULTILINE)
    assert wanted == ">=3.11" and version is not None and version.group(1) in ("11", "12")
    # The processor's variant takes torch and torchvision from one place, before all else.
    pattern = re.search(r"grep -E '(.+?)' /tmp/requirements.txt", DOCKERFILE)
    assert pattern is not None
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if re.search(pattern.group(1), line)]
    assert [re.split(r"[>=]", line)[0] for line in lines] == ["torch", "torchvision"]


@pytest.mark.parametrize(
    ("variant", "index", "words"),
    [
        ("cpu", "", "TORCH_INDEX=ADDRESS"), ("cpu", "https://index.example/cpu", ""), ("cuda", "", ""),
        ("cuda", "https://index.example/cuda", ""), ("gpu", "", "not gpu"), ("", "", "VARIANT is cpu or cuda"),
    ],
)  # fmt: skip
def test_the_image_is_not_built_for_a_processor_from_an_index_with_cuda(variant: str, index: str, words: str):
    """As the shell of the image carries it out, before anything is downloaded."""
    steps = re.findall(r"^RUN (.+?[^\\])$", DOCKERFILE, re.MULTILINE | re.DOTALL)
    answer = subprocess.run(
        ["sh", "-c", steps[0]], env={"VARIANT": variant, "TORCH_INDEX": index}, capture_output=True, text=True
    )
    assert (answer.returncode == 0) is (words == "") and words in answer.stderr
    assert 'pip install --index-url "$TORCH_INDEX"' in steps[2]


@pytest.mark.parametrize("name", ["hosted.toml", "streamlit/hosted.toml"])
def test_ready_files_of_limits_are_understood_and_narrower_than_what_holds_without_them(name: str):
    from tlcore.specs.hosting import Hosting

    found, usual = Hosting.model_validate(tomllib.loads((ROOT / "deploy" / name).read_text())), Hosting()
    for limit in found.limits.model_fields_set - {"running_in_all"}:
        assert getattr(found.limits, limit) < getattr(usual.limits, limit), limit
    assert found.limits.running_in_all > 0 and found.people == usual.people


def test_the_secrets_to_paste_are_none_and_name_a_file_that_is_there():
    text = (ROOT / "deploy" / "streamlit" / "secrets.example.toml").read_text()
    secrets = tomllib.loads(text)
    assert secrets == {"TLCORE_HOSTED": "1", "TLCORE_HOSTED_CONFIG": "deploy/streamlit/hosted.toml"}
    assert (ROOT / secrets["TLCORE_HOSTED_CONFIG"]).is_file() and "TLCORE_OWNER_MARK" in text
    assert "/lab/deploy/hosted.toml" in DOCKERFILE and not re.search(r"TLCORE_OWNER_MARK", DOCKERFILE)


def test_steps_by_hand_use_what_a_fresh_debian_has():
    guide = (ROOT / "docs" / "hosting.md").read_text()
    (steps,) = re.findall(r"```sh\n(apt-get install.+?)```", guide, re.DOTALL)
    assert "sudo" not in steps and "runuser -u lab -- env TLCORE_HOSTED=1" in steps
    settings = dict(
        word.split("=", 1)
        for path in UNITS
        for line in unit(path)["Environment"]
        for word in line.split()
    )  # fmt: skip
    (doctor,) = (line for line in steps.splitlines() if line.endswith("tlcore doctor"))
    given = dict(word.split("=", 1) for word in doctor.split() if "=" in word)
    assert given.items() <= settings.items() and {"TLCORE_STORE", "TLCORE_DATA"} <= set(given)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_units_share_store_and_user_and_start_what_there_is(path: Path):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(path)
    assert {"Unit", "Service", "Install"} == set(parser.sections())
    settings = unit(path)
    assert settings["User"] == ["lab"] and settings["NoNewPrivileges"] == ["yes"]
    environment = dict(word.split("=", 1) for line in settings["Environment"] for word in line.split())
    assert environment["TLCORE_STORE"] == "/var/lib/lab/store" and environment["TLCORE_HOSTED"] == "1"
    module = settings["ExecStart"][0].split(" -m ")[1].split()[0]
    assert module in ("streamlit", "tlcore")


def test_the_proxy_hands_on_web_sockets_and_as_much_as_an_upload_may_have():
    from tlcore.specs.hosting import Limits

    assert "proxy_http_version 1.1" in NGINX and "Upgrade $http_upgrade" in NGINX
    assert re.search(r"location /_stcore/metrics \{[^}]*deny all", NGINX)
    limit = re.search(r"client_max_body_size (\d+)m", NGINX)
    assert limit is not None and Limits().upload_mb < int(limit.group(1)) <= Limits().upload_mb + 8
