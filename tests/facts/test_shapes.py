"""Structs that several threads are the first to decode at once."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

from tianmu.facts import shapes
from tianmu.web.app import create_app

SOURCE = "from __future__ import annotations\nimport msgspec\n" + "".join(
    f"class In{n}(msgspec.Struct):\n    x: int\n    z: list[int] = []\n"
    f"class Out{n}(msgspec.Struct):\n    a: int\n    b: list[In{n}] = []\n"
    for n in range(120)
)
WORK = """
sys.setswitchinterval(1e-6)
together = threading.Barrier(4)

def work():
    module = known()
    for n in range(120):
        together.wait()
        msgspec.convert({"a": 1, "b": [{"x": 1}]}, getattr(module, f"Out{n}"))

threads = [threading.Thread(target=work) for _ in range(4)]
for one in threads:
    one.start()
for one in threads:
    one.join()
print("whole")
"""
"""four threads that are the first to decode what ``known`` gives them"""
BEFORE = """
import sys, threading, types
import msgspec
from tianmu.facts import shapes

module = sys.modules["tianmu.tried"] = types.ModuleType("tianmu.tried")
exec(sys.argv[1], module.__dict__)
assert shapes.learn() >= 240
known = lambda: module
"""
"""it is there before there are threads"""
LATER = """
import sys, threading
from pathlib import Path
import msgspec
from tianmu.facts import shapes
from tianmu.scenarios.folder.load import Folder, part

folder = Folder(Path(sys.argv[1]), None)
before = shapes.learn()
known = lambda: part(folder, "present")
"""
"""all ask for it at once, long after the process has begun"""


def race(code: str, argument: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code + WORK, argument],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr


def test_threads_that_are_first_at_once_do_not_end_the_process() -> None:
    race(BEFORE, SOURCE)


def test_nor_do_they_where_a_scenario_is_loaded_later(tmp_path: Path) -> None:
    folder = tmp_path / "brought_late"
    folder.mkdir()
    (folder / "present.py").write_text(SOURCE)
    race(LATER, str(folder))


def test_what_is_looked_at_half_imported_is_learnt_once_it_is_whole() -> None:
    module = types.ModuleType("tianmu.half_imported")
    code = "from __future__ import annotations\nimport msgspec\n"
    exec(f"{code}class Out(msgspec.Struct):\n    b: list[In] = []\n", module.__dict__)
    sys.modules[module.__name__] = module
    try:
        before = shapes.learn()
        exec("class In(msgspec.Struct):\n    x: int = 0\n", module.__dict__)
        assert shapes.learn() == before + 2
    finally:
        del sys.modules[module.__name__]


def test_all_of_ours_are_learnt() -> None:
    assert create_app is not None, "the API's structs are imported"
    assert shapes.learn() > 300
    assert shapes.learn() == shapes.learn()
