"""Where poolwatch keeps its configuration, state and files on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from poolwatch.config.problems import ConfigProblem

_NAME: Final = "poolwatch"
CONFIG_NAME: Final = "config.toml"


def home_directory(env: Mapping[str, str]) -> Path | ConfigProblem:
    """The home of the user, from HOME alone."""
    home = env.get("HOME", "")
    if Path(home).is_absolute():
        return Path(home)
    return ConfigProblem(
        "HOME is not set to an absolute path; set it, or set POOLWATCH_CONFIG, POOLWATCH_STATE_DIR and "
        "POOLWATCH_DATA_DIR",
        key="HOME",
        given_by="HOME",
    )


def config_file(env: Mapping[str, str]) -> Path | ConfigProblem:
    """The path of the configuration file, there or not: POOLWATCH_CONFIG, else the platform's place."""
    given = _given(env, "POOLWATCH_CONFIG")
    if given is not None:
        return given
    folder = _standard(env, "XDG_CONFIG_HOME", ".config")
    return folder if isinstance(folder, ConfigProblem) else folder / CONFIG_NAME


def locate_config(env: Mapping[str, str], option: Path | None) -> Path | None:
    """The file to load: the option, else POOLWATCH_CONFIG, else the platform's file if there is one.

    What an option or a variable names is returned unseen, so that its absence is reported; without a home
    directory there is no platform's file.
    """
    if option is not None:
        return option
    path = config_file(env)
    if isinstance(path, ConfigProblem):
        return None
    return path if env.get("POOLWATCH_CONFIG") or os.path.lexists(path) else None


def state_directory(env: Mapping[str, str]) -> Path | ConfigProblem:
    """Where poolwatch.db, locks and journals live: POOLWATCH_STATE_DIR, else the platform's place."""
    return _given(env, "POOLWATCH_STATE_DIR") or _standard(env, "XDG_STATE_HOME", ".local/state")


def data_directory(env: Mapping[str, str]) -> Path | ConfigProblem:
    """Where imported credential files live: POOLWATCH_DATA_DIR, else the platform's place."""
    return _given(env, "POOLWATCH_DATA_DIR") or _standard(env, "XDG_DATA_HOME", ".local/share")


def absolute(path: str | Path) -> Path:
    """The path from the root on; as it is when the working directory is gone."""
    try:
        return Path(path).absolute()
    except FileNotFoundError:
        return Path(path)


def _given(env: Mapping[str, str], variable: str) -> Path | None:
    text = env.get(variable, "")
    if not text:
        return None
    home = env.get("HOME", "")
    if home and (text == "~" or text.startswith("~/")):
        text = home + text[1:]
    return absolute(text)


def _standard(env: Mapping[str, str], variable: str, below_home: str) -> Path | ConfigProblem:
    if sys.platform == "darwin":
        return _platform_directory(variable)
    # the rule of platformdirs on other systems, from the environment that is handed in; the base directory
    # specification has a relative path ignored
    xdg = Path(env.get(variable, ""))
    if xdg.is_absolute():
        return xdg / _NAME
    home = home_directory(env)
    return home if isinstance(home, ConfigProblem) else home / below_home / _NAME


def _platform_directory(variable: str) -> Path:
    from platformdirs import PlatformDirs  # needed on this platform alone

    folders = PlatformDirs(_NAME, appauthor=False)
    match variable:
        case "XDG_CONFIG_HOME":
            return Path(folders.user_config_dir)
        case "XDG_STATE_HOME":
            return Path(folders.user_state_dir)
        case _:
            return Path(folders.user_data_dir)
