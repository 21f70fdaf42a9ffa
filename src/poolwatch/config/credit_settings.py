"""What stands in a source of kind `credits-http`: how its keys are read, its presets, and what it needs.

Presets were made from what is written about the services, and are to be checked, not believed:
`checked` is when, `seen_in` where.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.json import encode

from poolwatch.config import values
from poolwatch.config.settings import Origin, OriginKind
from poolwatch.config.source_settings import CreditSettings, source_row
from poolwatch.config.values import Raw, Wrong, line, quoted
from poolwatch.domain.balances import BalanceTerms, ResetPeriod, ResetTime
from poolwatch.domain.values import replace
from poolwatch.words.config import said

if TYPE_CHECKING:
    from poolwatch.config.layers import Layers

ON_DEMAND: Final = "on-demand"
#: In an address, what stands for the installation's id.
ID_PLACE: Final = "{id}"
#: Of credits, without a word about it: low from here downward.
_USUALLY_LOW: Final = Decimal(30)
_LEAST_SECONDS: Final = 30
_MOST_SECONDS: Final = 604_800
_LONGEST: Final = 256
_POINTER: Final = re.compile(r"(/([^~/]|~[01])*)+")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"[!-~]([ -~]*[!-~])?", re.ASCII)
_CALENDAR: Final = re.compile(r"(daily|weekly|monthly) ([01][0-9]|2[0-3]):([0-5][0-9]) UTC", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_MOST_DECIMALS: Final = 12
#: Headers that each request has anyway.
_OWN_HEADERS: Final = ("host", "content-length")
#: What headers that hold a secret are called: what stands there would be shown with the configuration.
_SECRET_HEADER: Final = re.compile(
    "(?:proxy-)?authorization|cookie|.*(?:api-?key|token|secret|password).*", re.ASCII
)
_SECRET_QUERY: Final = re.compile("(?:^|&)[^=&]*(?:key|token|secret|password)=", re.ASCII | re.IGNORECASE)
#: What changes neither what is asked nor what its answer says.
_UNASKED: Final = frozenset(
    {
        "name",
        "preset",
        "insecure",
        "poll",
        "web",
        "cost_per_request",
        "amber_below",
        "red_at",
        "own_topup_below",
        "own_topup_if",
    }
)
#: In which form an instant stands at a pointer; `period` is a word such as `daily`.
RESET_FORMS: Final = ("seconds", "milliseconds", "text", "period")


class Preset(Struct, frozen=True):
    """One service: the keys of its source as they would stand in the file, and where they are from."""

    keys: Mapping[str, object]
    #: where the form of its answers was read, and when
    seen_in: str
    checked: str


PRESETS: Final[Mapping[str, Preset]] = {
    "browseros": Preset(
        {
            "auth": "none",
            "remaining": "/credits",
            "limit": "/dailyLimit",
            "last_reset": "/lastResetAt",
            "resets": "daily 00:00 UTC",
            "unit": "credits",
            "cost_per_request": 1,
            "poll": ON_DEMAND,
        },
        "github.com/browseros-ai/BrowserOS:packages/browseros-agent/apps/server/src/lib/browseros-fetch.ts",
        "2026-11-29",
    ),
    "openrouter": Preset(
        {
            # it takes a management key
            "url": "https://openrouter.ai/api/v1/credits",
            "total": "/data/total_credits",
            "used": "/data/total_usage",
            "unit": "USD",
            "web": "https://openrouter.ai/settings/credits",
        },
        "openrouter.ai/docs",
        "2026-11-29",
    ),
    "openrouter-key": Preset(
        {
            "url": "https://openrouter.ai/api/v1/key",
            "remaining": "/data/limit_remaining",
            "limit": "/data/limit",
            "unlimited": "/data/limit=null",
            "resets": "/data/limit_reset period",
            "unit": "USD",
            "web": "https://openrouter.ai/settings/keys",
        },
        "openrouter.ai/docs",
        "2026-11-29",
    ),
    "deepseek": Preset(
        {
            "url": "https://api.deepseek.com/user/balance",
            "pick": "/balance_infos",
            "remaining": "/total_balance",
            "unit": "/currency",
            "web": "https://platform.deepseek.com/top_up",
        },
        "api-docs.deepseek.com",
        "2026-11-29",
    ),
    "vercel": Preset(
        {
            "url": "https://ai-gateway.vercel.sh/v1/credits",
            "remaining": "/balance",
            "used": "/total_used",
            "unit": "USD",
            "web": "https://vercel.com/dashboard",
        },
        "vercel.com/docs/ai-gateway",
        "2026-11-29",
    ),
    "reef": Preset(
        {
            "url": "https://vers.sh/api/reef/credits",
            "remaining": "/remaining",
            "total": "/credits",
            "used": "/spend",
            "unit": "USD",
            # its proxy answers so when it fails
            "zeros_unknown": True,
            "amber_below": 5,
        },
        "github.com/hdresearch/reef:services/ui/routes.ts",
        "2026-11-29",
    ),
}


# -- readers, by their names in the rows


def preset_name(raw: Raw) -> str | Wrong:
    """The name of a preset."""
    return values.one_of(PRESETS)(raw)


def auth(raw: Raw) -> str | Wrong:
    """`bearer`, `none` or `header:NAME`."""
    text = line()(raw)
    if isinstance(text, Wrong) or text in ("bearer", "none"):
        return text
    way, _, name = text.partition(":")
    if way == "header" and _HEADER.fullmatch(name) and name.lower() not in ("cookie", *_OWN_HEADERS):
        return text
    return Wrong(said("not_auth", value=quoted(text)))


def headers(raw: Raw) -> tuple[str, ...] | Wrong:
    """Headers as they are sent, each `NAME: value`; as they are typed, with commas between them."""
    given = raw.value if isinstance(raw.value, list | tuple) else [raw.value]
    if raw.loose and isinstance(raw.value, str):
        given = [each.strip() for each in raw.value.split(",")]
    found = []
    for each in given:
        name, colon, value = each.partition(":") if isinstance(each, str) else ("", "", "")
        if not colon or not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value.strip()):
            return Wrong(said("not_headers"))
        if name.lower() in _OWN_HEADERS:
            return Wrong(said("own_header", name=name))
        if _SECRET_HEADER.fullmatch(name.lower()):
            return Wrong(said("secret_header", name=name))
        found.append(f"{name}: {value.strip()}")
    return tuple(found)


def address(raw: Raw) -> str | Wrong:
    """As any address, in which `{id}` and a query may stand."""
    if not isinstance(raw.value, str):
        return values.url(https_only=False)(raw)
    path, mark, query = raw.value.partition("?")
    if "#" in query:
        return Wrong(said("query_in_address"))
    if _SECRET_QUERY.search(query):
        return Wrong(said("secret_in_query"))
    found = values.url(https_only=False)(Raw(f"{path}/{query}".replace(ID_PLACE, "id"), env=raw.env))
    if isinstance(found, Wrong):
        return found
    if ID_PLACE in path.split("://", 1)[-1].partition("/")[0]:
        return Wrong(said("bad_host"))
    return f"{path.rstrip('/')}{mark}{query}"


def pointer(raw: Raw) -> str | Wrong:
    """A JSON pointer (RFC 6901)."""
    text = line(_LONGEST)(raw)
    if isinstance(text, Wrong):
        return text
    return text if _POINTER.fullmatch(text) else Wrong(said("not_pointer", value=quoted(text)))


def pick(raw: Raw) -> str | Wrong:
    """A pointer to a list, alone or with `FIELD=VALUE` of the row that counts."""
    text = line(_LONGEST)(raw)
    if isinstance(text, Wrong):
        return text
    place, blank, condition = text.partition(" ")
    field, equals, value = condition.partition("=")
    is_whole = not blank or (field and equals and value)
    return text if _POINTER.fullmatch(place) and is_whole else Wrong(said("not_pick", value=quoted(text)))


def equality(raw: Raw) -> str | Wrong:
    """`POINTER=VALUE`, where the value is as JSON writes it."""
    text = line(_LONGEST)(raw)
    if isinstance(text, Wrong):
        return text
    place, equals, value = text.partition("=")
    is_whole = _POINTER.fullmatch(place) and equals and value
    return text if is_whole else Wrong(said("not_equality", value=quoted(text)))


def resets(raw: Raw) -> str | Wrong:
    """A time of the UTC calendar, or a pointer and the form of what stands there."""
    text = line(_LONGEST)(raw)
    if isinstance(text, Wrong) or _CALENDAR.fullmatch(text):
        return text
    place, _, form = text.rpartition(" ")
    if _POINTER.fullmatch(place) and form in RESET_FORMS:
        return text
    return Wrong(said("not_resets", value=quoted(text)))


def unit(raw: Raw) -> str | Wrong:
    """The name of a unit, or a pointer to it."""
    return line(64)(raw)


def scale(raw: Raw) -> Decimal | Wrong:
    """A factor above 0, exact."""
    return _amount(raw, "not_scale", least_is_above=True)


def cost(raw: Raw) -> Decimal | Wrong:
    """What a request costs: above 0."""
    return _amount(raw, "not_scale", least_is_above=True)


def threshold(raw: Raw) -> Decimal | Wrong:
    """An amount from 0 on."""
    return _amount(raw, "not_rate", least_is_above=False)


def poll(raw: Raw) -> float | str | Wrong:
    """Seconds between readings, or that there is no timer."""
    if raw.value == ON_DEMAND:
        return ON_DEMAND
    found = values.seconds(_LEAST_SECONDS, _MOST_SECONDS)(raw)
    return Wrong(said("not_poll", value=quoted(raw.value))) if isinstance(found, Wrong) else found


def _amount(raw: Raw, code: str, *, least_is_above: bool) -> Decimal | Wrong:
    value = raw.value
    is_number = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    try:
        exact = Decimal(str(value)) if is_number else None
    except InvalidOperation:
        exact = None
    wrong = Wrong(said(code, most=10**_MOST_DECIMALS, value=quoted(value)))
    if exact is None or not exact.is_finite() or exact < 0 or (least_is_above and not exact):
        return wrong
    places = int(exact.as_tuple().exponent)
    return exact if places >= -_MOST_DECIMALS and exact.adjusted() <= _MOST_DECIMALS else wrong


# -- a whole source


def filled(settings: CreditSettings, given: Mapping[str, object]) -> CreditSettings:
    """The source with what its preset says of keys that are not `given`."""
    preset = PRESETS.get(settings.preset or "")
    if preset is None:
        return settings
    told: dict[str, Any] = {
        name: source_row(settings.kind, name).read(Raw(value, env={}))
        for name, value in preset.keys.items()
        if name not in given
    }
    return replace(settings, **told)


def origins_of(settings: CreditSettings, given: Mapping[str, object], prefix: str) -> Mapping[str, Origin]:
    """Of what the preset says, that it does; by dotted key."""
    preset = PRESETS.get(settings.preset or "")
    origin = Origin(OriginKind.DEFAULT, f"preset {settings.preset}")
    names = () if preset is None else preset.keys
    return {f"{prefix}.{name}": origin for name in names if name not in given}


def check(layers: Layers, index: int, settings: CreditSettings) -> None:
    """Note what a source lacks to tell a balance, and a key that is never sent."""
    if settings.remaining is None and (settings.used is None or not (settings.total or settings.limit)):
        layers.in_file(said("no_figures", source=f"sources[{index}]"), "sources", index)
    holder = "api_key_file" if settings.api_key_file is not None else "api_key_env"
    if settings.auth == "none" and getattr(settings, holder) is not None:
        layers.in_file(said("unsent_key", holder=holder), "sources", index, holder)
    if ID_PLACE in (settings.url or "") and settings.id_file is None:
        layers.in_file(said("no_id_file", source=f"sources[{index}]"), "sources", index, "url")


def calendar_of(settings: CreditSettings) -> ResetTime | None:
    """When it is filled up by the calendar; None where the service tells, or nobody."""
    found = _CALENDAR.fullmatch(settings.resets or "")
    if found is None:
        return None
    after = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return ResetTime(ResetPeriod(found[1]), after)


def mark_of(settings: CreditSettings) -> str:
    """Another one as soon as another place is asked, with another key, or the answer is read otherwise."""
    asked = {name: getattr(settings, name) for name in settings.__struct_fields__ if name not in _UNASKED}
    return hashlib.sha256(encode(asked, order="sorted")).hexdigest()[:16]


def terms_of(settings: CreditSettings, *, tops_up_here: bool = False) -> BalanceTerms:
    """What the configuration says of a balance."""
    is_money = settings.unit.startswith("/") or _CURRENCY.fullmatch(settings.unit)
    low = settings.amber_below
    return BalanceTerms(
        amber_below=_USUALLY_LOW if low is None and not is_money else low,
        red_at=settings.red_at,
        cost_per_request=settings.cost_per_request,
        web=settings.web,
        on_demand=settings.poll == ON_DEMAND,
        tops_up_here=tops_up_here,
        resets=calendar_of(settings),
        every=None if isinstance(settings.poll, str | None) else timedelta(seconds=settings.poll),
    )
