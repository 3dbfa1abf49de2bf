"""A real local Dask cluster: the same verdicts and numbers, also when a worker is lost."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gdverify.cluster import run_on
from gdverify.errors import UsageError
from gdverify.pool import Limits, Request

from .claim_files import TRUE


def answering(payload):
    for task in payload["tasks"]:
        if task == "die":
            os._exit(3)
        if task == "raise":
            raise ValueError("an accident")
        yield task


def test_any_executor_will_do():
    answers, failures = {}, {}
    requests = [Request({"tasks": ["a", "die", "b"]}, [0, 1, 2]), Request({"tasks": ["raise"]}, [3])]
    with ThreadPoolExecutor(1) as executor:
        run_on(
            executor, requests, answering, limits=Limits(),
            answered=answers.__setitem__, failed=failures.__setitem__, poll=0.05,
        )  # fmt: skip
    assert answers == {0: "a", 2: "b"} and "died" in failures[1] and "an accident" in failures[3]


@contextlib.contextmanager
def cluster(folder, workers):
    """A scheduler and workers as processes of their own, talking over the loopback interface."""
    distributed = pytest.importorskip("distributed")
    assert distributed
    env = {**os.environ, "DASK_DISTRIBUTED__DASHBOARD__LINK": "", "PYTHONPATH": os.pathsep.join(sys.path)}
    quiet = {"cwd": folder, "env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    info = folder / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--host", "127.0.0.1"]
    running = [subprocess.Popen([*command, "--port", "0", "--scheduler-file", str(info)], **quiet)]
    try:
        deadline = time.monotonic() + 60
        while not info.is_file() or not info.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        address = json.loads(info.read_text())["address"]
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        worker += ["--no-nanny", "--local-directory", str(folder)]
        running += [subprocess.Popen(worker, **quiet) for _ in range(workers)]
        with distributed.Client(address, timeout=60) as client:
            client.wait_for_workers(workers, timeout=60)
        yield address, running[1:]
    finally:
        for process in running:
            process.kill()
            process.wait()


def check(folder, *more, code=0, fresh=("--no-cache",)):
    env = {**os.environ, "GDVERIFY_HOME": str(folder / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "gdverify", "check", "claims.py", "--audit", *fresh, "--device", "cpu", *more],
        cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done


def untimed(value):
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if k != "seconds"}
    return [untimed(v) for v in value] if isinstance(value, list) else value


def test_a_cluster_says_what_one_machine_says_and_outlives_a_worker(tmp_path):
    slow = TRUE.replace("    return {", "    import time\n    time.sleep(0.2)\n    return {")
    (tmp_path / "claims.py").write_text(slow)
    check(tmp_path, "--json", "one.json")
    with cluster(tmp_path, 2) as (address, workers):
        check(tmp_path, "--json", "two.json", "--scheduler", address)
        running = subprocess.Popen(
            [sys.executable, "-m", "gdverify", "check", "claims.py", "--audit", "--no-cache", "--device", "cpu",
             "--json", "three.json", "--scheduler", address],
            cwd=tmp_path, env={**os.environ, "GDVERIFY_HOME": str(tmp_path / "home")},
        )  # fmt: skip
        time.sleep(2.5)
        workers[0].send_signal(signal.SIGKILL)
        assert running.wait(timeout=300) == 0
    one, two, three = (
        untimed(json.loads((tmp_path / f"{n}.json").read_text())["claims"]) for n in ("one", "two", "three")
    )
    assert one == two == three


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", ""])
def test_a_scheduler_that_is_not_there_is_one_line(tmp_path, address):
    """Also where earlier runs have computed everything."""
    pytest.importorskip("distributed")
    (tmp_path / "claims.py").write_text(TRUE)
    check(tmp_path, fresh=())
    done = check(tmp_path, "--scheduler", address, code=2, fresh=())
    assert len(done.stderr.strip().splitlines()) == 1 and "no scheduler answers" in done.stderr
    assert not done.stdout


def test_workers_with_other_code_are_refused(monkeypatch):
    distributed = pytest.importorskip("distributed")
    from gdverify import cluster as module

    async def connect(address):
        pass

    class Client:
        def __init__(self, *args, **kwargs):
            pass

        def run(self, function):
            return {"tcp://worker": {**module.identity(), "numpy": "0.1"}}

        def close(self, timeout):
            pass

    monkeypatch.setattr(module, "_connect", connect)
    monkeypatch.setattr(distributed, "Client", Client)
    with pytest.raises(UsageError, match="has another numpy"), module.dask("tcp://127.0.0.1:1"):
        pass
