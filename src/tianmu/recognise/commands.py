"""``tianmu recognise``: a model over a video file or a camera, events to the city."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tianmu.recognise.frames import Frame
    from tianmu.recognise.model import Recogniser
    from tianmu.recognise.picture import Found

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@dataclass
class Looked:
    """What one run came to."""

    frames: int = 0
    events: int = 0


def add_to(main: click.Group, *, give: Callable[[Any], None], tell: Callable[[str], None]) -> None:
    """Hang the command of this room on the group of all commands."""

    @main.command()
    @click.option("--model", type=FILE, required=True, help="an ONNX file that the city supplies")
    @click.option(
        "--layout",
        type=FILE,
        default=None,
        help="TOML: what it wants and gives (left out: the model's name, .toml)",
    )
    @click.option(
        "--source",
        required=True,
        metavar="SOURCE",
        help="a video file, rtsp://…, or @FILE: its first line is the address",
    )
    @click.option("--camera", required=True, help="the camera's id or wire address in the city")
    @click.option(
        "--url", default="http://127.0.0.1:8621", show_default=True, help="the city's door for data"
    )
    @click.option(
        "--token-file",
        type=FILE,
        default=None,
        help="a file with the token of a source of protocol recognition",
    )
    @click.option(
        "--name", default="", help="what the recogniser is called (left out: the model's name)"
    )
    @click.option(
        "--every",
        type=click.FloatRange(0.01, 3600),
        default=1.0,
        show_default=True,
        help="seconds between two frames that are looked at",
    )
    @click.option(
        "--begin",
        default="",
        metavar="TIME",
        help="of a file's first frame, RFC 3339 (left out: its last is of now)",
    )
    @click.option(
        "--widest",
        type=click.IntRange(64, 4096),
        default=1280,
        show_default=True,
        help="pixels of the pictures that are sent",
    )
    @click.option("--try", "tries", is_flag=True, help="print what is found and send nothing")
    @click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
    def recognise(
        model: Path,
        layout: Path | None,
        source: str,
        camera: str,
        url: str,
        token_file: Path | None,
        name: str,
        every: float,
        begin: str,
        widest: int,
        tries: bool,
        as_json: bool,
    ) -> None:
        """Look for events on a video file or a camera, and tell the city."""
        import httpx

        from tianmu.recognise.fault import Unusable
        from tianmu.recognise.frames import is_live, jpeg, named, of_camera, of_file
        from tianmu.recognise.model import Recogniser
        from tianmu.recognise.send import Sender, events_of

        if not tries and token_file is None:
            raise click.ClickException("give --token-file, or --try to send nothing")
        source = _source(source)
        first = _begin(begin)
        called = name or model.stem
        token = token_file.read_text(encoding="utf-8").strip() if token_file else ""
        looked, began = Looked(), time.monotonic()
        with httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        ) as client:
            sender = Sender(client, tell, patient=is_live(source))
            try:
                recogniser = Recogniser(model, layout)
                pictures = (
                    of_camera(source, every, _now, tell)
                    if is_live(source)
                    else of_file(source, every, first, _now)
                )
                # closed in any case: the camera is told that nobody looks any more
                with contextlib.closing(pictures), _ended_by_sigterm():
                    for frame, found in _seen(recogniser, pictures, looked):
                        shot = jpeg(frame.image, widest)
                        made = events_of(camera, frame.at, found, shot, called)
                        if tries:
                            _print(made)
                        else:
                            sender.send(made)
            except Unusable as error:
                raise click.ClickException(str(error)) from error
            except KeyboardInterrupt:
                tell("stopped")
        counts = sender.counts
        result = {
            "source": named(source), "frames": looked.frames, "events": looked.events,
            "taken": counts["taken"], "duplicate": counts["duplicate"], "held": counts["held"],
            "refused": counts["refused"], "rises": counts["rises"],
            "frames_per_second": round(looked.frames / max(time.monotonic() - began, 1e-9), 1),
        }  # fmt: skip
        if as_json:
            give(result)
        else:
            tell(", ".join(f"{name} {value}" for name, value in result.items()))
        sys.exit(1 if counts["refused"] else 0)


def _seen(
    recogniser: Recogniser, pictures: Iterable[Frame], looked: Looked
) -> Iterator[tuple[Frame, list[Found]]]:
    """The frames on which something is recognised, with what."""
    for frame in pictures:
        looked.frames += 1
        found = recogniser.things(frame.image)
        if found:
            looked.events += len(found)
            yield frame, found


def _print(events: list[dict[str, Any]]) -> None:
    """Events as they would be sent, a line each, without their pictures."""
    import msgspec

    for one in events:
        kept = {name: value for name, value in one.items() if not name.startswith("picture")}
        click.echo(msgspec.json.encode(kept).decode())


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """As by Ctrl-C: what was found is told before it ends."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _now() -> int:
    return time.time_ns() // 1_000


def _source(told: str) -> str:
    """The address or file; from a file where it says @FILE, so that no password is on the command
    line."""
    if not told.startswith("@"):
        return told
    try:
        lines = Path(told[1:]).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"--source {told}: {error}") from error
    if not lines or not lines[0].strip():
        raise click.ClickException(
            f"--source {told}: its first line is empty: write the address there"
        )
    return lines[0].strip()


def _begin(told: str) -> int | None:
    if not told:
        return None
    try:
        at = datetime.fromisoformat(told)
    except ValueError as error:
        raise click.ClickException(
            f"--begin {told}: {error}: write 2026-04-05T08:00:00+08:00"
        ) from error
    if at.tzinfo is None:
        raise click.ClickException(f"--begin {told} has no zone: add Z or an offset such as +08:00")
    return round(at.timestamp() * 1e6)
