"""Notices in words: the one wording for every channel, and the JSON that webhooks and programs get.

All of it is made anew for each try, from what the notice holds; what is not known any more has its short id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Final

from msgspec import Struct

from poolwatch.domain.alerts import Phase
from poolwatch.domain.message import Message
from poolwatch.domain.notices import Notice, NoticeItem, NoticeKind, Outgoing
from poolwatch.domain.text import visible
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.alerts import part_name, subject_name
from poolwatch.presentation.json_values import Json, instant
from poolwatch.presentation.masking import masked
from poolwatch.words import notices as words
from poolwatch.words.messages import message_text

#: A body is no longer than this, in bytes: receivers take 20 KB.
MOST_BYTES: Final = 20_000
_TITLE_LENGTH: Final = 150
_LINE_LENGTH: Final = 500
#: So many alerts stand in the text; the rest is counted.
_MOST_ITEMS: Final = 50
#: So many names stand in a title.
_MOST_NAMES: Final = 3


class NoticeWords(Struct, frozen=True):
    """How notices are worded in a run: what accounts are called, the pool's name, where times are told for.

    `names` masks what could tell who they are, where the settings want that. `zone` None is the machine's.
    """

    names: AccountNames
    pool: str | None = None
    zone: tzinfo | None = None

    def outgoing(self, notice: Notice) -> Outgoing:
        """The notice as it is sent: plain text, nothing in it that steers a terminal or ends a header."""
        title, lines = self._title(notice), self._lines(notice)
        pool = self._text(self.pool or "")
        whole = words.of_pool(pool, title) if pool else title
        text = "\n".join((*(visible(each, _LINE_LENGTH) for each in lines), "", words.sent_by(pool)))
        return Outgoing(
            notice.id,
            notice.at,
            notice.kind,
            notice.severity,
            visible(whole, _TITLE_LENGTH),
            text,
            self._body(notice, title, pool),
        )

    # -- for people

    def title(self, notice: Notice) -> str:
        """What it tells in one line, without the pool's name."""
        return visible(self._title(notice), _TITLE_LENGTH)

    def _title(self, notice: Notice) -> str:
        items = notice.items
        match notice.kind:
            case NoticeKind.TEST:
                return words.TEST()
            case NoticeKind.SUMMARY:
                return words.SUMMARY()
            case NoticeKind.ALERTS if len(items) == 1:
                return self._line(items[0])
            case NoticeKind.DIGEST:
                count = words.held(len(items))
            case NoticeKind.ALERTS:
                over = sum(each.phase is not Phase.FIRING for each in items)
                count = words.several(len(items) - over, over)
        return words.several_about(count, self._whom(items)) if items else count

    def _whom(self, items: Sequence[NoticeItem]) -> str:
        """`bob, budget team, source s3, and 4 more`."""
        names = list(dict.fromkeys(self._who(each) for each in items))
        told = names[:_MOST_NAMES]
        more = len(names) - len(told)
        return ", ".join((*told, words.and_more(more)) if more else told)

    def _lines(self, notice: Notice) -> list[str]:
        if notice.kind is NoticeKind.TEST:
            return [words.test_text(notice.channel)]
        told = [line for each in notice.items[:_MOST_ITEMS] for line in (self._line(each), self._under(each))]
        told += [self._shown(message_text(each)) for each in notice.lines]
        more = len(notice.items) - _MOST_ITEMS
        if more > 0:
            told.append(words.and_more(more))
        return told or [words.NOTHING_TO_TELL()]

    def _line(self, item: NoticeItem) -> str:
        return words.alert_line(item.phase.value, self._who(item), self._cause(item))

    def _under(self, item: NoticeItem) -> str:
        at = figures.local_time(item.at, self.zone)
        offset = f"{at:%z}"
        when = f"{at:%Y-%m-%d %H:%M} {offset[:3]}:{offset[3:5]}"
        severity = words.severity_word(item.severity.value)
        return f"  {words.of_alert(when, severity, self._shown(item.rule))}"

    def _who(self, item: NoticeItem) -> str:
        return subject_name(item.subject, self.names, item.label)

    def _cause(self, item: NoticeItem) -> str:
        return self._shown(message_text(item.cause))

    def _shown(self, text: str) -> str:
        return masked(text) if self.names.mask else text

    # -- for programs

    def _body(self, notice: Notice, title: str, pool: str) -> bytes:
        """As much of it as has room; `left_out` says how much has none."""
        items: list[Json] = []
        lines: list[Json] = []
        most = len(notice.items) + len(notice.lines)
        data: dict[str, Json] = {
            "id": notice.id,
            "severity": notice.severity.value,
            "title": visible(title, _TITLE_LENGTH),
            "pool": pool or None,
            "alerts": items,
            "lines": lines,
            "left_out": most,
        }
        document: Json = {"type": _type_of(notice), "timestamp": instant(notice.at), "data": data}
        room = MOST_BYTES - len(_encoded(document))
        told = (self._item(each) for each in notice.items)
        room = _fill(items, told, room)
        _fill(lines, (self._text(message_text(each)) for each in notice.lines), room)
        data["left_out"] = most - len(items) - len(lines)
        return _encoded(document)

    def _item(self, item: NoticeItem) -> Json:
        subject = item.subject
        about: Json = {
            "kind": subject.kind.value,
            "id": self._text(subject.id) or None,
            "name": self._text(self._who(item)),
            "part": None if subject.part is None else self._text(part_name(subject.part, self.names)),
        }
        return {
            "rule": self._text(item.rule),
            "phase": item.phase.value,
            "severity": item.severity.value,
            "at": instant(item.at),
            "about": about,
            "text": self._text(self._cause(item)),
            "code": item.cause.code,
            "values": {name: self._text(_plain(value)) for name, value in item.cause.arguments},
        }

    def _text(self, text: str) -> str:
        return visible(self._shown(text), _LINE_LENGTH)


def _encoded(value: Json) -> bytes:
    return json.dumps(value, allow_nan=False).encode()


def _fill(into: list[Json], values: Iterable[Json], room: int) -> int:
    """Take the first of these as far as there is room for them; how much is left."""
    for each in values:
        needed = len(_encoded(each)) + len(", ")
        if needed > room:
            break
        into.append(each)
        room -= needed
    return room


def _plain(value: str | Message) -> str:
    return message_text(value) if isinstance(value, Message) else value


def _type_of(notice: Notice) -> str:
    """What a receiver tells notices apart by."""
    match notice.kind:
        case NoticeKind.ALERTS if len(notice.items) == 1:
            return f"alert.{notice.items[0].phase.value}"
        case NoticeKind.ALERTS:
            return "alerts.several"
        case NoticeKind.DIGEST:
            return "alerts.digest"
        case NoticeKind.SUMMARY:
            return "summary.daily"
        case NoticeKind.TEST:
            return "channel.test"
