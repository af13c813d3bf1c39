"""Frames of a video file, or of a camera that speaks RTSP, one every so many seconds."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tianmu.recognise import rtsp
from tianmu.recognise.fault import MISSING, NoStream, Unusable, WrongPassword
from tianmu.recognise.picture import Image
from tianmu.recognise.relay import Relay

LIVE = ("rtsp://", "rtsps://")
PLAYED = ("", "Basic", "MD5", "MD5-sess")
"""ways of proving a password that FFmpeg knows"""
PATIENCE_S = 10
"""seconds without a frame after which a camera is asked anew"""
AGAIN_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""seconds between two attempts to reach it, the last one from then on"""


@dataclass(frozen=True)
class Frame:
    at: int
    """µs since the epoch"""
    image: Image


def is_live(source: str) -> bool:
    return source.lower().startswith(LIVE)


def named(source: str) -> str:
    """A source as it may be shown: without the user and password of its address."""
    head, at, tail = source.rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at and is_live(source) else source


def of_file(
    file: str, every_s: float, begin: int | None, now: Callable[[], int]
) -> Generator[Frame]:
    """Frames of a file by its own time; ``begin`` (µs) is that of its first, left out: so that the
    last is of now. Raises ``Unusable``."""
    video = _opened(file)
    try:
        rate, count = video.get(_cv2().CAP_PROP_FPS), video.get(_cv2().CAP_PROP_FRAME_COUNT)
        if not rate or math.isnan(rate):
            raise Unusable(f"{file} tells no frame rate: convert it to MP4 or AVI")
        start = now() - round(max(count, 0) / rate * 1e6) if begin is None else begin
        number, due = 0, 0.0
        while video.grab():
            seconds = number / rate
            number += 1
            if seconds + 1e-9 < due:
                continue
            due += every_s
            whole, image = video.retrieve()
            if whole:
                yield Frame(start + round(seconds * 1e6), image)
        if not number:
            raise Unusable(f"{file} has no frame that can be read: convert it to MP4 or AVI")
    finally:
        video.release()


def of_camera(
    address: str, every_s: float, now: Callable[[], int], tell: Callable[[str], None]
) -> Generator[Frame]:
    """Frames of a camera as they come, for ever: one that is lost is asked again. Raises
    ``WrongPassword``, and ``NoStream`` where it has never given a frame."""
    os.environ.setdefault(
        "OPENCV_FFMPEG_CAPTURE_OPTIONS", f"rtsp_transport;tcp|timeout;{PATIENCE_S * 1_000_000}"
    )
    failed, seen = 0, False
    while True:
        try:
            way = rtsp.look(address, named(address), PATIENCE_S)
            # FFmpeg proves a password by MD5 or in clear alone
            relay = None if way in PLAYED else Relay(address, PATIENCE_S)
            try:
                video = _opened(address if relay is None else relay.address, named(address))
            except Unusable:
                if relay is not None:
                    relay.close()
                raise
        except WrongPassword:
            raise
        except Unusable as error:
            if isinstance(error, NoStream) and not seen:
                raise
            wait = AGAIN_S[min(failed, len(AGAIN_S) - 1)]
            failed += 1
            tell(f"{error}; trying again in {wait:g} s")
            time.sleep(wait)
            continue
        due = time.monotonic()
        try:
            while video.grab():
                failed = 0
                if time.monotonic() < due:
                    continue
                due = max(due + every_s, time.monotonic())
                whole, image = video.retrieve()
                if whole:
                    seen = True
                    yield Frame(now(), image)
        finally:
            video.release()
            if relay is not None:
                relay.close()
        tell(f"{named(address)} stopped; asking again")


def jpeg(image: Image, widest: int, quality: int = 85) -> bytes:
    """A picture for an event, no wider than ``widest`` pixels."""
    cv2 = _cv2()
    high, wide = image.shape[:2]
    if wide > widest:
        image = cv2.resize(image, (widest, max(1, round(high * widest / wide))))
    done, made = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise Unusable(f"a frame of {wide} x {high} pixels cannot be written as JPEG")
    return bytes(made.tobytes())


def _opened(source: str, called: str = "") -> Any:
    cv2 = _cv2()
    if not is_live(source) and not Path(source).is_file():
        raise Unusable(f"{source} is no file, and no address that begins with rtsp://")
    # FFmpeg's own patience is for a connection that is silent; one that brings anything but
    # pictures is for OpenCV to give up
    patience = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, PATIENCE_S * 1_000,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC, PATIENCE_S * 1_000]  # fmt: skip
    video = cv2.VideoCapture(source, cv2.CAP_FFMPEG, patience if is_live(source) else [])
    if not video.isOpened():
        video.release()
        raise Unusable(f"{called or named(source)} cannot be opened as video")
    return video


def _cv2() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise Unusable(MISSING) from error
    return cv2
