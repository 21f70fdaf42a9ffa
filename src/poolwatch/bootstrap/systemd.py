"""The daemon as a unit of systemd: the text of one that starts this very program on this configuration."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.layers import PLACES
from poolwatch.config.paths import absolute
from poolwatch.config.settings import OriginKind
from poolwatch.config.values import FROM_ENVIRONMENT, at_home
from poolwatch.words.daemon import said

UNIT: Final = "poolwatch.service"
#: Where a user's own units lie, below the folder of configurations.
_FOLDER: Final = "systemd/user"
#: Variables that name places, which a service does not get from the shell it was set up in.
_PATHS: Final = (
    *PLACES,
    *("CODEX_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"),
    *("CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"),
)
#: Others: codex is looked for on the PATH, and lies in no usual place where node brought it.
_TEXTS: Final = ("SSL_CERT_DIR", "TZ", "PATH")
_PROXY: Final = ("HTTPS_PROXY", "NO_PROXY")
#: What systemd refuses in the name of a program; this one starts any.
_ODD: Final = "\"'\\"
_ENV: Final = "/usr/bin/env"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+", re.ASCII)


def unit_path(env: Mapping[str, str], home: Path | None) -> Path:
    """Where this user's unit is, or would be."""
    given = env.get("XDG_CONFIG_HOME", "")
    folder = Path(given) if given.startswith("/") else (home or Path("~")) / ".config"
    return folder / _FOLDER / UNIT


def own_program(argv: Iterable[str] | None = None) -> tuple[str, ...]:
    """The words that start this program anew from anywhere."""
    started = next(iter(sys.argv if argv is None else argv), "")
    script = absolute(started)
    if script.name == "__main__.py" or not os.access(script, os.X_OK) or not script.is_file():
        return (sys.executable, "-P", "-m", "poolwatch")
    return (str(script),)


def unit_text(around: Surroundings, program: Iterable[str], *, mask: bool) -> str:
    """The unit, with comments; no secret is in it. `mask`: what the daemon says is masked."""
    words = [*program, "daemon", *(["--mask"] if mask else [])]
    if around.named_config is not None:
        words += ["--config", around.named_config]
    name = UNIT.partition(".")[0]
    lines = [
        f"# {said('unit.where', path=_shown(unit_path(around.env, around.home), around.home))}",
        "#   systemctl --user daemon-reload",
        f"#   systemctl --user enable --now {name}",
        f"# {said('unit.linger')}",
        "#   loginctl enable-linger",
        "",
        "[Unit]",
        "Description=poolwatch daemon",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={_command(words)}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in _environment(around)),
        *_secrets(around),
        "Restart=on-failure",
        "RestartSec=10",
        f"# {said('unit.restart')}",
        "RestartPreventExitStatus=2 3",
        f"# {said('unit.kill')}",
        "KillMode=process",
        "UMask=0077",
        "LimitCORE=0",
        f"# {said('unit.hardening')}",
        "NoNewPrivileges=yes",
        "LockPersonality=yes",
        "RestrictRealtime=yes",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "SystemCallArchitectures=native",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join(lines) + "\n"


def _environment(around: Surroundings) -> Iterator[tuple[str, str]]:
    """What this run's configuration depends on."""
    env = around.env
    for name in _PATHS:
        if env.get(name) and not (name == "POOLWATCH_CONFIG" and around.named_config is not None):
            yield name, str(absolute(at_home(env[name], env.get("HOME"))))
    origins = around.settings.origins.values()
    settings = sorted({each.name for each in origins if each.kind is OriginKind.ENVIRONMENT and each.name})
    for name in (*settings, *_TEXTS):
        if env.get(name):
            yield name, env[name]


def _secrets(around: Surroundings) -> Iterator[str]:
    """Variables that hold a secret, or may: their names, and where their values go."""
    net = around.settings.net
    held = [net.proxy_password_env, *(_PROXY if net.proxy == FROM_ENVIRONMENT else ())]
    for source in around.sources:
        held += [source.api_key_env, source.dashboard_password_env]
    held += [channel.secret_env for channel in around.settings.channels]
    names = list(dict.fromkeys(name for name in held if name))
    if names:
        yield f"# {said('unit.secret', names=', '.join(names))}"
        yield "#EnvironmentFile=%h/.config/poolwatch/daemon.env"


def _shown(path: Path, home: Path | None) -> str:
    text = _escaped(str(path))
    begin = f"{_escaped(str(home))}/"
    return f"~/{text.removeprefix(begin)}" if home is not None and text.startswith(begin) else text


def _command(words: Iterable[str]) -> str:
    """A command line. In its first word a variable is none, and quotes and control codes are refused."""
    first, *others = words
    if any(char in _ODD or not char.isprintable() for char in first):
        first, others = _ENV, [first, *others]
    return " ".join([_quoted(first), *(_quoted(word.replace("$", "$$")) for word in others)])


def _quoted(word: str) -> str:
    escaped = _escaped(word).replace("%", "%%")
    return escaped if _PLAIN.fullmatch(word) else f'"{escaped}"'


def _escaped(word: str) -> str:
    """The text as it stands between quotes: what is not printable by its bytes."""
    text = word.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(each if each.isprintable() else _bytes(each) for each in text)


def _bytes(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))
