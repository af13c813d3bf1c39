"""The wheel holds what a city needs: code, packs, data and the built pages."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_is_whole(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "tianmu/web/ui/index.html" in names, "build the UI first: python ui/build.py"
    assert any(name.startswith("tianmu/web/ui/") and name.endswith(".woff2") for name in names)
    for file in ROOT.glob("src/tianmu/**/*"):
        if file.suffix in {".py", ".toml", ".csv", ".geojson", ".gz"}:
            assert file.relative_to(ROOT / "src").as_posix() in names, f"{file} is not in the wheel"
    assert any(name.endswith("licenses/LICENSE") for name in names)
