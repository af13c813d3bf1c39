"""The commands. Each imports what it needs when it runs, so that ``tianmu --help`` is quick."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tianmu import __version__
from tianmu.app.plainly import Plainly
from tianmu.cities import DEFAULT

DATA = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=Path("data"),
    show_default=True, help="the folder that holds everything of this city",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")


def tell(line: str) -> None:
    """Progress and logs go to standard error; results to standard output."""
    click.echo(line, err=True)


def give(result: Any) -> None:
    """The one JSON object of a ``--json``."""
    import msgspec

    click.echo(msgspec.json.encode(result).decode())


class Problem(click.ClickException):
    """What went wrong and how to mend it, without a traceback."""


def _why(error: Exception) -> str:
    """The system's words with the file they are about, or our own."""
    told = getattr(error, "strerror", None)
    return f"{getattr(error, 'filename', None) or ''}: {told}".lstrip(": ") if told else str(error)


@click.group(
    cls=Plainly, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="tianmu")
def main() -> None:
    """Tianmu 天目: one network runs the city."""


@main.command()
@click.option("--pack", default=DEFAULT, show_default=True, help="a city pack: name or folder")
@DATA
@click.option("--host", default="127.0.0.1", show_default=True, help="the address to listen on")
@click.option(
    "--port", type=click.IntRange(0, 65531), default=8620, show_default=True,
    help="of the pages and the API; the other ports follow it (0: any free ones)",
)  # fmt: skip
@click.option(
    "--feed", type=click.Choice(["replay", "none"]), default="none", show_default=True,
    help="play recorded and seeded data through the real doors",
)  # fmt: skip
@click.option("--feed-devices", type=click.IntRange(0), default=20_000, show_default=True,
              help="how many devices the feed seeds")  # fmt: skip
@click.option("--admin-password-file", type=click.Path(exists=True, dir_okay=False), default=None,
              help="lines 'account: password' for system, security, audit and duty")  # fmt: skip
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False), default=None,
              help="PEM: the server's certificate first, then those that issued it")  # fmt: skip
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False), default=None,
              help="its private key, PEM, without a passphrase")  # fmt: skip
@click.option("--tls", type=click.Choice(["local"]), default=None,
              help="local: with a certificate authority of the city's own")  # fmt: skip
@click.option("--tls-name", "tls_names", multiple=True, metavar="NAME",
              help="with --tls local: what people call this machine, beside its own names "
              "(may be given again)")  # fmt: skip
@click.option("--sign-on", type=click.Path(exists=True, dir_okay=False), default=None,
              help="TOML: the city's own sign-on (OpenID Connect)")  # fmt: skip
@click.option("--scan", default="", metavar="SCANNER",
              help="malware scanner of evidence: clamd:/path/of/socket, clamd:host:port, or a "
              "command that reads a file from standard input (exit 1: infected)")  # fmt: skip
@click.option("--blur", type=click.Path(exists=True, dir_okay=False), default=None,
              help="ONNX model that finds faces and plates, its layout beside it: they are blurred "
              "on evidence that leaves the city")  # fmt: skip
@click.option(
    "--broker", default="",
    help="host:port of the city's own MQTT broker (mqtts://host:port: by TLS)",
)  # fmt: skip
@click.option("--clock-file", type=click.Path(dir_okay=False), default=None,
              help="a drill's clock to go by: only for a new folder, see tianmu drill")  # fmt: skip
def up(
    pack: str,
    data: Path,
    host: str,
    port: int,
    feed: str,
    feed_devices: int,
    admin_password_file: str | None,
    tls_cert: str | None,
    tls_key: str | None,
    tls: str | None,
    tls_names: tuple[str, ...],
    sign_on: str | None,
    scan: str,
    blur: str | None,
    broker: str,
    clock_file: str | None,
) -> None:
    """Start a city and keep it running."""
    from tianmu.app.settings import Settings
    from tianmu.app.start import run_city

    if bool(tls_cert) != bool(tls_key):
        raise Problem("--tls-cert and --tls-key go together: give both or neither")
    _check_tls(tls, tls_cert, tls_names)
    settings = Settings(
        pack=pack, data=str(data.resolve()), host=host, port=port, feed=feed,
        feed_devices=feed_devices, broker=broker,
        clock=str(Path(clock_file).resolve()) if clock_file else "",
        tls=tls or "", tls_names=tls_names,
        admin_password_file=_checked_passwords(admin_password_file),
        tls_certificate=str(Path(tls_cert).resolve()) if tls_cert else "",
        tls_key=str(Path(tls_key).resolve()) if tls_key else "",
        sign_on=_checked_sign_on(sign_on), scan=_checked_scan(scan),
        blur=_checked_blur(blur),
    )  # fmt: skip
    code = run_city(settings, tell)
    if code:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the city has ended; taking its pack apart in memory would take a second more


def _checked_passwords(file: str | None) -> str:
    """The path, once every line of it was found usable: hub reads it long after the start."""
    if not file:
        return ""
    from tianmu.access.first import PasswordFile, read_passwords

    try:
        read_passwords(path := Path(file).resolve())
    except PasswordFile as error:
        raise Problem(f"--admin-password-file {error}") from error
    return str(path)


def _checked_scan(told: str) -> str:
    """The scanner, once it was found to be named right."""
    from tianmu.manage.evidence.scanning import scanner

    try:
        scanner(told)
    except ValueError as error:
        raise Problem(f"--scan {error}") from error
    return told


def _checked_blur(file: str | None) -> str:
    """The path, once the model was found usable."""
    if not file:
        return ""
    from tianmu.recognise.blur import Blurrer
    from tianmu.recognise.fault import Unusable

    try:
        Blurrer(Path(file))
    except Unusable as error:
        raise Problem(f"--blur {error}") from error
    return str(Path(file).resolve())


def _checked_sign_on(file: str | None) -> str:
    """The path, once its settings were found usable."""
    if not file:
        return ""
    from tianmu.web.sign_on import BadSettings, read

    try:
        read(path := Path(file).resolve())
    except BadSettings as error:
        raise Problem(str(error)) from error
    return str(path)


def _check_tls(tls: str | None, certificate: str | None, names: tuple[str, ...]) -> None:
    from tianmu.access.tls import can_be_named

    if tls and certificate:
        raise Problem("--tls local makes a certificate, --tls-cert brings one: give one of them")
    if names and not tls:
        raise Problem("--tls-name goes with --tls local; a certificate you bring has its names")
    for name in names:
        if not can_be_named(name):
            raise Problem(f"--tls-name {name}: neither a DNS name nor an address, e.g. city.lan")


@main.command(hidden=True)
@click.argument("name")
@click.argument("data", type=click.Path(path_type=Path, exists=True))
def run(name: str, data: Path) -> None:
    """One process of a city (used by ``up``)."""
    from tianmu.app.processes import run_process

    run_process(name, data)


@main.command()
@DATA
@JSON
def status(data: Path, as_json: bool) -> None:
    """How a running city is: processes, ports, lag, devices, observations, cases."""
    from tianmu.app.status import lines, look

    try:
        found = look(data)
    except FileNotFoundError as error:
        raise Problem(f"no city has been started under {data}: tianmu up --data {data}") from error
    if as_json:
        give(found)
    else:
        for line in lines(found):
            click.echo(line)


@main.command()
@click.argument("pack")
def check(pack: str) -> None:
    """Check a city pack: one line per fault, and exit 1 if there is any."""
    from tianmu.city.pack import check as check_pack
    from tianmu.city.pack import load as load_pack
    from tianmu.prevent.rule.edition import judge

    try:
        faults = check_pack(pack, judge=judge)
    except FileNotFoundError as error:
        raise Problem(str(error)) from error
    for fault in faults:
        click.echo(str(fault))
    if faults:
        sys.exit(1)
    for remit, matters in load_pack(pack).duties.missing.items():
        tell(
            f"no department has the remit {remit} that scenarios ask for ({', '.join(matters)}): "
            "those go to the wider duty, or to nobody; say it in departments.csv"
        )
    tell(f"{pack}: no faults")


PROTOCOLS = ["gbt26875", "hj212"]
KEY = click.option(
    "--key", envvar="TIANMU_FRAME_KEY", default=None, metavar="HEX",
    help="SM4 key of encrypted HJ 212 frames: 32 hex digits or 16 characters; better given as "
    "TIANMU_FRAME_KEY, which other users of the machine do not see",
)  # fmt: skip


def _frame_key(protocol: str, text: str | None) -> bytes | None:
    from tianmu.app.frames import ENCRYPTED, read_key

    given = click.get_current_context().get_parameter_source("key")
    if text is None or (given is ParameterSource.ENVIRONMENT and protocol not in ENCRYPTED):
        return None
    try:
        return read_key(protocol, text)
    except ValueError as error:
        raise Problem(f"--key: {error}") from error


@main.command()
@click.argument("protocol", type=click.Choice(PROTOCOLS))
@click.option("--hex", "as_hex", default=None, help="the frame's bytes as hexadecimal digits")
@KEY
@click.argument("file", type=click.File("rb"), required=False)
def decode(protocol: str, as_hex: str | None, key: str | None, file: Any) -> None:
    """Decode frames, one JSON line each; exit 1 if any was refused."""
    from tianmu.app.frames import decode_frames, from_hex

    if (as_hex is None) == (file is None):
        raise Problem("give either --hex or a FILE (- for standard input)")
    try:
        payload = from_hex(as_hex) if as_hex is not None else file.read()
    except ValueError as error:
        raise Problem(str(error)) from error
    refused = False
    for line, good in decode_frames(protocol, payload, _frame_key(protocol, key)):
        click.echo(line)
        refused |= not good
    sys.exit(1 if refused else 0)


@main.command()
@click.argument("protocol", type=click.Choice(PROTOCOLS))
@KEY
@click.argument("file", type=click.File("rb"), default="-")
def encode(protocol: str, key: str | None, file: Any) -> None:
    """Encode the JSON lines of ``decode`` back to frames, one hex line each."""
    from tianmu.app.frames import encode_line

    secret = _frame_key(protocol, key)
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            click.echo(encode_line(protocol, line, secret))
        except ValueError as error:
            raise Problem(f"line {number}: {error}") from error


@main.command()
@DATA
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@JSON
def backup(data: Path, file: Path, as_json: bool) -> None:
    """Write one archive of a city, while it runs."""
    from tianmu.store.backup import backup as make

    try:
        result = make(data, file)
    except OSError as error:
        raise Problem(f"no backup was made: {_why(error)}") from error
    give(result) if as_json else click.echo(f"{file}")


@main.command()
@DATA
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@JSON
def restore(data: Path, file: Path, as_json: bool) -> None:
    """Restore a city from an archive into an empty folder."""
    from tianmu.store.backup import Unreadable
    from tianmu.store.backup import restore as bring_back

    try:
        result = bring_back(file, data)
    except (OSError, Unreadable) as error:
        raise Problem(f"nothing was restored: {_why(error)}") from error
    give(result) if as_json else click.echo(f"{data}")


def _client(url: str, data: Path, token: str) -> Any:
    """Of a city elsewhere with a token, or of the one under ``data`` with what it wrote down."""
    from tianmu.rehearse.city.city import City, connect

    if not token:
        return connect(data, url=url).http
    return City(url, token, {}).http


def _archive(data: Path) -> Any:
    from tianmu.app.archive import open_archive

    return open_archive(data)


@main.group()
def history() -> None:
    """The past on disk: whether it is whole, and mending it."""


@history.command("check")
@DATA
@click.option("--mend", is_flag=True, help="mend what is damaged; the city must be stopped")
@JSON
def history_check(data: Path, mend: bool, as_json: bool) -> None:
    """Read every file of history; exit 1 if one is damaged, or something was lost."""
    from tianmu.app.inspect import inspect, lines

    try:
        found = inspect(data, mend=mend)
    except (OSError, LookupError, ValueError) as error:
        raise Problem(_why(error)) from error
    if as_json:
        give(found)
    else:
        for line in lines(found):
            click.echo(line)
    if not found["ok"]:
        sys.exit(1)


from tianmu.enrol import commands as enrolling  # noqa: E402
from tianmu.recognise import commands as recognising  # noqa: E402
from tianmu.rehearse import commands  # noqa: E402  (their commands hang on this group)
from tianmu.scenarios import commands as modelling  # noqa: E402
from tianmu.scenarios.past import command as replaying  # noqa: E402

commands.add_to(main, give=give, tell=tell)
enrolling.add_to(main, give=give, tell=tell, connect=_client)
modelling.add_to(main, give=give, tell=tell)
recognising.add_to(main, give=give, tell=tell)
replaying.add_to(main, give=give, tell=tell, archive=_archive)
