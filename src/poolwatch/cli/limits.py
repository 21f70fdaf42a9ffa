"""The commands about limits, and who is told of them; what they do is imported when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from poolwatch.cli import options
from poolwatch.cli.declaring import declared, group_of
from poolwatch.cli.options import ConfigOption, JsonOption, MaskOption, flag, option
from poolwatch.words.command_help import help_of

channels_group = group_of("channels", "limits")


@declared(channels_group, "channels list")
def channels_list(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.channels import list_channels

    return list_channels(config, as_json=json, mask=mask)


@declared(channels_group, "channels add", changes=True)
def channels_add(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help=help_of("channel_kind"), autocompletion=options.channel_kinds),
    ],
    program: Annotated[
        list[str] | None, typer.Argument(metavar="[-- PROGRAM...]", help=help_of("channel_program"))
    ] = None,
    name: Annotated[str | None, option("channel_name", "--name", metavar="NAME")] = None,
    url: Annotated[str | None, option("hook_url", "--url", metavar="URL")] = None,
    secret_file: Annotated[str | None, option("hook_secret_file", "--secret-file", metavar="FILE")] = None,
    secret_env: Annotated[str | None, option("hook_secret_env", "--secret-env", metavar="NAME")] = None,
    private: Annotated[bool, flag("private", "hook_private")] = False,
    host: Annotated[str | None, option("mail_host", "--host", metavar="HOST")] = None,
    port: Annotated[int | None, option("mail_port", "--port", metavar="P")] = None,
    security: Annotated[str | None, option("mail_security", "--security", metavar="WAY")] = None,
    user: Annotated[str | None, option("mail_user", "--user", metavar="USER")] = None,
    password_file: Annotated[str | None, option("mail_password", "--password-file", metavar="FILE")] = None,
    sender: Annotated[str | None, option("mail_from", "--from", metavar="ADDRESS")] = None,
    to: Annotated[list[str] | None, option("mail_to", "--to", metavar="ADDRESS")] = None,
    bell: Annotated[bool, flag("bell", "desktop_bell")] = False,
    url_file: Annotated[str | None, option("apprise_file", "--url-file", metavar="FILE")] = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.channels import ChannelRequest, add_channel

    keys = {
        "url": url,
        "secret_file": secret_file,
        "secret_env": secret_env,
        "private": private,
        "host": host,
        "port": port,
        "security": security,
        "user": user,
        "password_file": password_file,
        "from": sender,
        "to": tuple(to or ()),
        "bell": bell,
        "url_file": url_file,
    }
    return add_channel(config, ChannelRequest(kind, name, keys, tuple(program or ())), mask=mask)


@declared(channels_group, "channels test")
def channels_test(
    name: options.ChannelArgument, mask: MaskOption = False, config: ConfigOption = None
) -> int:
    from poolwatch.cli.channels import send_test

    return send_test(config, name, mask=mask)


@declared(channels_group, "channels remove", changes=True)
def channels_remove(
    name: options.ChannelArgument, mask: MaskOption = False, config: ConfigOption = None
) -> int:
    from poolwatch.cli.channels import remove_channel

    return remove_channel(config, name, mask=mask)
