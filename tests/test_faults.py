"""Killed runs, full disks, too little memory: no verdict is lost or wrong, and what was there stays whole."""

import contextlib
import json
import os
import resource
import subprocess
import sys

import pytest

from . import fault_injection
from .claim_files import FALSE, TRUE

# An experiment whose blocks take 4 MB each: batches of them do not fit where one does.
HUNGRY = (
    TRUE.replace("mine.", "hungry.")
    .replace(
        "@square.experiment()\ndef sample(xp, rng, case, size):\n",
        "@square.experiment(block=32, samples={'smoke': 2048})\ndef sample(xp, rng, case, size):\n"
        "    room = xp.ones((size, WIDTH)) * rng.uniform((size, 1))\n",
    )
    .replace("xp.ones((size,))", "(1 + 1e-13 * room[:, 0])")
)


def test_killed_runs_end_as_calm_ones(tmp_path):
    setup = fault_injection.prepare(tmp_path, claims=())
    for number in range(2):
        assert fault_injection.trial(setup, number, seed=7) == ""


@pytest.fixture
def check(tmp_path):
    (tmp_path / "mine.py").write_text(TRUE)
    (tmp_path / "false.py").write_text(FALSE)

    def call(*words, home="home", limit=None, files=("mine.py", "false.py"), closed=()):
        def lower():
            for stream in closed:
                os.close(stream)
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        command = [sys.executable, "-m", "gdverify", "check", *files, "--device", "cpu", "--jobs", "2", *words]
        env = {**os.environ, "GDVERIFY_HOME": str(tmp_path / home)}
        return subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, preexec_fn=lower
        )

    return call


def verdicts_are_there(done):
    assert "Traceback" not in done.stdout + done.stderr
    assert "PASS  mine.square" in done.stdout and "FAIL  mine.wrong" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("limit", [100, 40_000])
def test_a_full_disk_leaves_verdicts_and_earlier_reports(check, tmp_path, limit):
    done = check("--json", "report.json", "--html", "site")
    assert done.returncode == 1
    before = {p: p.read_bytes() for p in [tmp_path / "report.json", *(tmp_path / "site").rglob("*")] if p.is_file()}
    done = check("--json", "report.json", "--html", "site", "--seed", "1", limit=limit, home=f"home{limit}")
    verdicts_are_there(done)
    # It may fit (the report of seed 1), or not (2, and one line for it).
    written = json.loads((tmp_path / "report.json").read_bytes())["run"]["seed"] == 1
    assert written == (limit == 40_000)
    if limit < 40_000:
        assert done.returncode == 2 and "cannot write report.json" in done.stderr
        assert {p: p.read_bytes() for p in before} == before
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]  # no half-written file beside it


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("no mount")
    if done.returncode:
        pytest.skip("may not mount a small disk here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder, most=10**6):
    with contextlib.suppress(OSError), open(folder / "filler", "wb", buffering=0) as file:
        while file.tell() < most and file.write(b"x" * 1024):
            pass


@pytest.mark.parametrize("room", [0])
def test_a_state_folder_on_a_full_disk_is_done_without(check, small_disk, room):
    fill(small_disk, 300 * 1024 - room)
    verdicts_are_there(done := check(home="small/home"))
    assert done.returncode == 1


def test_reports_on_a_full_disk_leave_the_earlier_one(check, small_disk):
    (small_disk / "report.json").write_text("earlier")
    fill(small_disk)
    done = check("--json", "small/report.json", "--html", "small/site")
    verdicts_are_there(done)
    assert done.returncode == 2 and (small_disk / "report.json").read_text() == "earlier"
    assert not (small_disk / "site" / "index.html").exists()


def test_closed_streams_lose_no_report(check, tmp_path):
    done = check("--json", "report.json", closed=(0, 1, 2))
    assert done.returncode == 1
    assert {name: found[0] for name, found in outcomes(tmp_path).items()} == {
        "mine.square": "pass",
        "mine.wrong": "fail",
    }


def outcomes(tmp_path):
    claims = json.loads((tmp_path / "report.json").read_bytes())["claims"]
    return {c["id"]: (c["verdict"], [e for e in c["evidence"] if e["kind"] == "experiment"]) for c in claims}


@pytest.mark.parametrize("limit", ["60M"])
def test_batches_shrink_to_the_memory_there_is(check, tmp_path, limit):
    (tmp_path / "hungry.py").write_text(HUNGRY.replace("WIDTH", "16_384"))
    words = ["--json", "report.json", "--no-timings", "--no-cache"]
    assert check(*words, files=["hungry.py"]).returncode == 0
    whole = outcomes(tmp_path)
    assert check(*words, "--memory-limit", limit, files=["hungry.py"]).returncode == 0
    assert outcomes(tmp_path) == whole


def test_what_does_not_fit_is_an_error_of_its_own(check, tmp_path):
    (tmp_path / "hungry.py").write_text(HUNGRY.replace("WIDTH", "16_000_000"))
    done = check("--json", "report.json", "--memory-limit", "500M", files=["hungry.py", "mine.py"])
    found = outcomes(tmp_path)
    assert done.returncode == 3 and found["mine.square"][0] == "pass" and found["hungry.square"][0] == "error"
    assert all("memory" in e["message"] for e in found["hungry.square"][1])


@pytest.mark.parametrize("limit", ["1M", "20M"])
def test_too_little_memory_is_no_wrong_verdict(check, tmp_path, limit):
    done = check("--json", "report.json", "--memory-limit", limit)
    assert done.returncode in (1, 2, 3) and "Traceback" not in done.stderr
    if (tmp_path / "report.json").is_file():
        found = outcomes(tmp_path)
        assert found["mine.square"][0] != "fail" and found["mine.wrong"][0] != "pass"
